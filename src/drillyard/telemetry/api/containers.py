"""
Infrastructure: `GET /api/v2/containers`, and the agent's report that feeds it.

The report is our own JSON form of what the real agent posts to the same path as protobuf.
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
from drillyard.telemetry.api.fields import needed_text, sections, text, texts, whole_number
from drillyard.telemetry.containers import CONTAINERS_MAX, Container
from drillyard.telemetry.logs.intake import normal_tags
from drillyard.telemetry.telemetry import Telemetry

PAGE_MAX = 10_000
_TEXTS = ("name", "container_id", "state", "image_name", "image_digest", "created_at", "started_at")
_SORTS = frozenset({*_TEXTS, "host"})


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def report(request: Request) -> Response:
        body = await read_object(request)
        host = needed_text(body, "host")
        found = [_container(part, host) for part in sections(body, "containers", CONTAINERS_MAX)]
        telemetry.containers.report(host, found)
        return answer({"status": "ok"}, 202)

    async def listing(request: Request) -> Response:
        given = dict(request.query_params)
        size = whole_number(given, "page[size]", 1_000, 1, PAGE_MAX)
        found = telemetry.containers.find(given.get("filter[tags]", ""))
        groups = texts(given, "group_by")
        rows = _grouped(found, groups) if groups else [_show(item) for item in _sorted(found, given.get("sort", ""))]
        start = _offset(given.get("page[cursor]", ""))
        page = rows[start : start + size]
        following = _cursor(start + size) if start + size < len(rows) else ""
        pagination = {"limit": size, "total": len(rows), "type": "cursor_limit"}
        if following:
            pagination["next_cursor"] = following
        return answer({"data": page, "meta": {"pagination": pagination}})

    return [
        Route("/api/v1/container", report, methods=["POST"]),
        Route("/api/v2/containers", listing, methods=["GET"]),
    ]


def _container(part: dict[str, Any], host: str) -> Container:
    attributes: dict[str, Any] = {name: text(part, name) for name in _TEXTS if text(part, name)}
    attributes["image_tags"] = texts(part, "image_tags")
    container_id = needed_text(part, "container_id")
    return Container(container_id, host, attributes, tuple(normal_tags(texts(part, "tags"))))


def _show(container: Container) -> dict[str, Any]:
    attributes = container.attributes | {"host": container.host, "tags": list(container.tags)}
    return {"type": "container", "id": container.id, "attributes": attributes}


def _sorted(found: list[Container], sort: str) -> list[Container]:
    name = sort.removeprefix("-")
    if not name:
        return found
    if name not in _SORTS:
        raise ApiError(400, f"sort must be one of {', '.join(sorted(_SORTS))}.")
    return sorted(found, key=lambda item: str(_show(item)["attributes"].get(name, "")), reverse=sort.startswith("-"))


def _grouped(found: list[Container], keys: list[str]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, ...], list[Container]] = {}
    for container in found:
        values = dict(tag.partition(":")[::2] for tag in container.tags) | {"host": container.host}
        groups.setdefault(tuple(f"{key}:{values.get(key, '')}" for key in keys), []).append(container)
    return [
        {
            "type": "container_group",
            "id": ",".join(tags),
            "attributes": {"count": len(members), "tags": list(tags)},
            "relationships": {"containers": {"data": [{"type": "container", "id": item.id} for item in members]}},
        }
        for tags, members in sorted(groups.items())
    ]


def _cursor(start: int) -> str:
    return base64.urlsafe_b64encode(str(start).encode()).decode()


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return max(0, int(base64.urlsafe_b64decode(cursor)))
    except (ValueError, binascii.Error) as wrong:
        raise ApiError(400, "The page cursor is damaged.") from wrong
