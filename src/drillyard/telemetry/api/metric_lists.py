"""
Which metrics there are, and what they are: the v1 and v2 lists, tags, metadata.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import needed_text, text, whole_number
from drillyard.telemetry.logs.query import matches
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.metrics.catalogue import KNOWN
from drillyard.telemetry.metrics.query.scope import parse_scope
from drillyard.telemetry.metrics.store import TYPES, Series
from drillyard.telemetry.telemetry import Telemetry

ACTIVE_S = 3_600
TIME_MAX_S = 4_000_000_000
_FIELDS = ("description", "short_name", "type", "unit", "per_unit")


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""
    surface = _Lists(telemetry)
    return [
        Route("/api/v1/metrics", surface.active, methods=["GET"]),
        Route("/api/v1/metrics/{metric}", surface.describe, methods=["GET"]),
        Route("/api/v1/metrics/{metric}", surface.change, methods=["PUT"]),
        Route("/api/v1/search", surface.search, methods=["GET"]),
        Route("/api/v2/metrics", surface.listing, methods=["GET"]),
        Route("/api/v2/metrics/{metric}/all-tags", surface.tags, methods=["GET"]),
        Route("/api/v2/metrics/{metric}/active-configurations", surface.configurations, methods=["GET"]),
    ]


class _Lists:
    """One method a call."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def since(self, seconds: int = ACTIVE_S) -> int:
        return self._telemetry.now_ms() // 1000 - seconds

    async def active(self, request: Request) -> Response:
        given = dict(request.query_params)
        needed_text(given, "from")
        from_s = whole_number(given, "from", 0, -TIME_MAX_S, TIME_MAX_S)
        from_s = from_s if from_s > 0 else self.since(-from_s)
        scope = parse_scope(",".join(part for part in (given.get("tag_filter", ""), _host(given)) if part))
        found = await self._telemetry.read(lambda: self._telemetry.metrics.active(from_s))
        names = {item.metric for item in found if matches(scope, Record(0, "", tags=list(item.tags)))}
        return answer({"from": str(from_s), "metrics": sorted(names)})

    async def describe(self, request: Request) -> Response:
        name = request.path_params["metric"]
        kind = await self._telemetry.read(lambda: self._telemetry.metrics.type_of(name))
        if kind is None:
            raise ApiError(404, f"Metric metadata not found for {name[:200]}")
        return answer(_metadata(name, kind, self._telemetry.metrics.metadata(name)))

    async def change(self, request: Request) -> Response:
        name, body = request.path_params["metric"], await read_object(request)
        kind = await self._telemetry.read(lambda: self._telemetry.metrics.type_of(name))
        if kind is None:
            raise ApiError(404, f"Metric metadata not found for {name[:200]}")
        if text(body, "type", "gauge") not in TYPES:
            raise ApiError(400, f"type must be one of {', '.join(TYPES)}.")
        fields = {field: text(body, field)[:400] for field in _FIELDS if field in body}
        self._telemetry.metrics.describe(name, self._telemetry.metrics.metadata(name) | fields)
        return answer(_metadata(name, kind, self._telemetry.metrics.metadata(name)))

    async def search(self, request: Request) -> Response:
        wanted = needed_text(dict(request.query_params), "q").removeprefix("metrics:")
        found = await self._telemetry.read(lambda: self._telemetry.metrics.active(self.since(86_400)))
        hosts = {tag[5:] for item in found for tag in item.tags if tag.startswith("host:")}
        names = {item.metric for item in found if wanted in item.metric}
        return answer({"results": {"metrics": sorted(names), "hosts": sorted(h for h in hosts if wanted in h)}})

    async def listing(self, request: Request) -> Response:
        given = dict(request.query_params)
        window_s = whole_number(given, "window[seconds]", ACTIVE_S, 1, 30 * 86_400)
        scope = parse_scope(given.get("filter[tags]", ""))
        found = await self._telemetry.read(lambda: self._telemetry.metrics.active(self.since(window_s)))
        names = sorted({item.metric for item in found if matches(scope, Record(0, "", tags=list(item.tags)))})
        size = whole_number(given, "page[size]", 10_000, 1, 10_000)
        after = _cursor_name(given.get("page[cursor]", ""))
        rest = [name for name in names if name > after]
        following = base64.urlsafe_b64encode(rest[size - 1].encode()).decode() if len(rest) > size else None
        pagination = {"type": "cursor_limit", "limit": size, "next_cursor": following}
        data = [{"type": "metrics", "id": name} for name in rest[:size]]
        return answer({"data": data, "meta": {"pagination": pagination}})

    async def tags(self, request: Request) -> Response:
        name = request.path_params["metric"]
        found = await _known_series(self._telemetry, name, self.since(86_400))
        every = sorted({tag for item in found for tag in item.tags})
        return answer({"data": {"type": "metrics", "id": name, "attributes": {"tags": every}}})

    async def configurations(self, request: Request) -> Response:
        name = request.path_params["metric"]
        found = await _known_series(self._telemetry, name, self.since(86_400))
        keys = sorted({tag.partition(":")[0] for item in found for tag in item.tags})
        attributes = {"active_tags": keys, "active_aggregations": [{"space": "avg", "time": "avg"}]}
        kind = "actively_queried_configurations"
        return answer({"data": {"type": kind, "id": name, "attributes": attributes}})


def _host(given: dict[str, str]) -> str:
    return f"host:{given['host']}" if given.get("host") else ""


async def _known_series(telemetry: Telemetry, name: str, since_s: int) -> list[Series]:
    found = await telemetry.read(lambda: telemetry.metrics.active(since_s, name))
    if not found and telemetry.metrics.type_of(name) is None:
        raise ApiError(404, f"Metric not found: {name[:200]}")
    return found


def _metadata(name: str, kind: str, written: dict[str, str]) -> dict[str, Any]:
    known = KNOWN.get(name)
    fields: dict[str, Any] = {
        "type": kind,
        "description": known.description if known else None,
        "unit": (known.unit or None) if known else None,
        "per_unit": None,
        "short_name": None,
        "integration": known.integration if known else None,
        "statsd_interval": None,
    }
    return fields | written


def _cursor_name(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor).decode()
    except (ValueError, binascii.Error) as wrong:
        raise ApiError(400, "The page cursor is damaged.") from wrong
