"""
The telemetry, through the Datadog API: the same calls work on the real one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx

from drillyard.base.clock import rfc3339
from drillyard.base.errors import DrillyardError, SettingError
from drillyard.yard.refused_query import refused_query

_TIMEOUT_S = 15.0
_PAGE = 1000


@dataclass(frozen=True)
class Found:
    """What a query found: all of it counted, the objects as the API gives them, in the order asked for."""

    count: int
    items: list[dict[str, Any]]


@dataclass(frozen=True)
class Group:
    """How many logs share these values, by facet."""

    by: dict[str, str]
    count: int


class DatadogClient:
    """Asks a Datadog-compatible API at `url` with both keys."""

    def __init__(self, url: str, api_key: str, app_key: str) -> None:
        headers = {"DD-API-KEY": api_key, "DD-APPLICATION-KEY": app_key}
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=_TIMEOUT_S)

    async def logs(
        self,
        query: str,
        start: datetime | str,
        end: datetime | str,
        *,
        sort: str = "timestamp",
        limit: int | None = None,
    ) -> Found:
        """
        Logs that the query finds between the two (`datetime` or Datadog's time math such as `now-15m`).

        Raises RefusedQuery for a query or time that the telemetry does not understand.
        """
        return await self._search("/api/v2/logs/events/search", query, start, end, sort, limit)

    async def events(
        self,
        query: str,
        start: datetime | str,
        end: datetime | str,
        *,
        sort: str = "timestamp",
        limit: int | None = None,
    ) -> Found:
        """Events, likewise."""
        return await self._search("/api/v2/events/search", query, start, end, sort, limit)

    async def spans(
        self, query: str, start: datetime | str, end: datetime | str, *, limit: int
    ) -> list[dict[str, Any]]:
        """Spans, oldest first, at most `limit` (of 1000)."""
        wanted = {"filter": {"query": query, "from": _time(start), "to": _time(end)}, "sort": "timestamp"}
        body = {"data": {"type": "search_request", "attributes": {**wanted, "page": {"limit": limit}}}}
        found = await self._call("POST", "/api/v2/spans/events/search", query=query, json=body)
        spans: list[dict[str, Any]] = found["data"]
        return spans

    async def count(self, query: str, start: datetime | str, end: datetime | str) -> int:
        """How many logs the query finds, counted by the telemetry. Raises RefusedQuery."""
        buckets = await self._aggregate(query, start, end, [])
        return sum(int(bucket["computes"]["c0"]) for bucket in buckets)

    async def groups(
        self,
        query: str,
        facets: Sequence[str],
        start: datetime | str,
        end: datetime | str,
        *,
        limit: int = 100,
        missing: str | None = None,
    ) -> list[Group]:
        """
        Logs counted by the values of these facets (`service`, a tag, `@attribute`), the largest group first.

        `missing` names the group of logs without the facet; None leaves them out. Raises RefusedQuery.
        """
        sort = {"type": "measure", "aggregation": "count", "order": "desc"}
        group_by: list[dict[str, Any]] = [{"facet": facet, "limit": limit, "sort": sort} for facet in facets]
        for part in group_by if missing is not None else []:
            part["missing"] = missing
        buckets = await self._aggregate(query, start, end, group_by)
        found = [
            Group({name: str(value) for name, value in one["by"].items()}, int(one["computes"]["c0"]))
            for one in buckets
        ]
        return sorted(found, key=lambda group: -group.count)

    async def metrics(self, query: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """The series that a metric query gives, as GET /api/v1/query shows them. Raises RefusedQuery."""
        asked = {"query": query, "from": str(int(start.timestamp())), "to": str(math.ceil(end.timestamp()))}
        body = await self._call("GET", "/api/v1/query", query=query, params=asked)
        series: list[dict[str, Any]] = body.get("series") or []
        return series

    async def metric_names(self, since: datetime) -> list[str]:
        """The metrics that were reported since then."""
        body = await self._call("GET", "/api/v1/metrics", params={"from": str(int(since.timestamp()))})
        return [str(name) for name in body["metrics"]]

    async def metric_tags(self, metric: str) -> list[str]:
        """Every tag (`key:value`) that the metric bears."""
        body = await self._call("GET", f"/api/v2/metrics/{quote(metric, safe='')}/all-tags")
        return [str(tag) for tag in body["data"]["attributes"]["tags"]]

    async def containers(self, filter_tags: str) -> Found:
        """Running containers that carry all these tags (`key:value` separated by blanks or commas)."""
        tags = ",".join(filter_tags.replace(",", " ").split())
        body = await self._call("GET", "/api/v2/containers", params={"filter[tags]": tags, "page[size]": _PAGE})
        return Found(len(body["data"]), body["data"])

    async def send_log(self, message: str, *, service: str, tags: str) -> None:
        """Sends one log line of our own through the intake."""
        await self._call(
            "POST",
            "/api/v2/logs",
            json=[
                {
                    "message": message,
                    "service": service,
                    "ddsource": "drillyard",
                    "ddtags": tags,
                    "hostname": "drillyard",
                }
            ],
        )

    async def pipelines(self) -> list[dict[str, Any]]:
        """All log pipelines in their order."""
        listed: list[dict[str, Any]] = await self._call("GET", "/api/v1/logs/config/pipelines")
        return listed

    async def create_pipeline(self, definition: dict[str, Any]) -> dict[str, Any]:
        """Puts a log pipeline behind all others; it acts on new logs only."""
        created: dict[str, Any] = await self._call("POST", "/api/v1/logs/config/pipelines", json=definition)
        return created

    async def replace_pipeline(self, identity: str, definition: dict[str, Any]) -> dict[str, Any]:
        """Changes a log pipeline in its place."""
        path = f"/api/v1/logs/config/pipelines/{identity}"
        replaced: dict[str, Any] = await self._call("PUT", path, json=definition)
        return replaced

    async def delete_pipeline(self, identity: str) -> None:
        """Takes one out."""
        await self._call("DELETE", f"/api/v1/logs/config/pipelines/{identity}")

    async def close(self) -> None:
        await self._client.aclose()

    async def _aggregate(
        self, query: str, start: datetime | str, end: datetime | str, group_by: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        request: dict[str, Any] = {
            "compute": [{"aggregation": "count", "type": "total"}],
            "filter": {"query": query, "from": _time(start), "to": _time(end)},
        }
        if group_by:
            request["group_by"] = group_by
        body = await self._call("POST", "/api/v2/logs/analytics/aggregate", query=query, json=request)
        buckets: list[dict[str, Any]] = body["data"]["buckets"]
        return buckets

    async def _search(
        self, path: str, query: str, start: datetime | str, end: datetime | str, sort: str, limit: int | None
    ) -> Found:
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page: dict[str, Any] = {"limit": min(_PAGE, limit - len(items)) if limit else _PAGE}
            if cursor:
                page["cursor"] = cursor
            request = {"filter": {"query": query, "from": _time(start), "to": _time(end)}, "sort": sort, "page": page}
            body = await self._call("POST", path, query=query, json=request)
            items += body["data"]
            cursor = body.get("meta", {}).get("page", {}).get("after")
            if not cursor or not body["data"] or (limit is not None and len(items) >= limit):
                return Found(len(items), items)

    async def _call(self, method: str, path: str, *, query: str | None = None, **arguments: Any) -> Any:
        try:
            answer = await self._client.request(method, path, **arguments)
        except httpx.HTTPError as lost:
            raise DrillyardError(f"The telemetry did not answer {path}: {type(lost).__name__} {lost}.") from lost
        except UnicodeEncodeError as broken:
            # A shell hands over any bytes; what is no text comes as half characters that JSON cannot carry.
            raise SettingError("The query or its window holds bytes that are no UTF-8 text.") from broken
        if answer.is_success:
            return answer.json()
        if answer.status_code == 400 and query is not None:
            raise refused_query(_errors(answer), query)
        hint = "Look at DD_API_KEY and DD_APP_KEY." if answer.status_code in (401, 403) else None
        raise DrillyardError(f"The telemetry refused: {_errors(answer)}", hint=hint)


def _time(moment: datetime | str) -> str:
    return moment if isinstance(moment, str) else rfc3339(moment)


def _errors(answer: httpx.Response) -> str:
    try:
        errors = answer.json()["errors"]
        return "; ".join(error if isinstance(error, str) else str(error.get("detail", error)) for error in errors)
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"status {answer.status_code}"
