"""
Events, first version: `POST` and `GET /api/v1/events`, `GET /api/v1/events/{id}`.
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import needed_text, text, texts, whole_number
from drillyard.telemetry.events.event import ALERT_TYPES, PRIORITIES, Event, show_v1
from drillyard.telemetry.logs.intake import normal_tags
from drillyard.telemetry.logs.query.nodes import All, Field, FieldKind, Match, Node, conjunction, disjunction
from drillyard.telemetry.logs.record_store import Window
from drillyard.telemetry.telemetry import Telemetry

PAGE_SIZE = 1_000
TEXT_MAX = 4_000
"""Characters of an event's text, Datadog's limit."""
TITLE_MAX = 500
TIME_MAX_S = 4_000_000_000
FUTURE_MAX_S = 86_400


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def create(request: Request) -> Response:
        event = read_event(await read_object(request), telemetry.now_ms() // 1000)
        record = event.record()
        await telemetry.event_writer.add([record])
        return answer({"status": "ok", "event": show_v1(record)}, 202)

    async def listing(request: Request) -> Response:
        given, now_s = request.query_params, telemetry.now_ms() // 1000
        for name in ("start", "end"):
            if name not in given:
                raise ApiError(400, f"{name} is missing.")
        window = Window(_moment(given, "start", now_s) * 1000, _moment(given, "end", now_s) * 1000 + 999)
        tree, page = _filter(dict(given)), whole_number(given, "page", 0, 0, 10_000)

        def look() -> list[dict[str, Any]]:
            found = telemetry.events.search(tree, window)
            return [show_v1(record) for record in islice(found, page * PAGE_SIZE, (page + 1) * PAGE_SIZE)]

        return answer({"events": await telemetry.read(look), "status": "ok"})

    async def get(request: Request) -> Response:
        key = request.path_params["key"]
        record = await telemetry.read(lambda: telemetry.events.get(key)) if key < 1 << 62 else None
        if record is None:
            raise ApiError(404, "No event matches that event_id.")
        return answer({"event": show_v1(record)})

    return [
        Route("/api/v1/events", create, methods=["POST"]),
        Route("/api/v1/events", listing, methods=["GET"]),
        Route("/api/v1/events/{key:int}", get, methods=["GET"]),
    ]


def read_event(body: dict[str, Any], now_s: int) -> Event:
    """The event in a v1 body. Raises ApiError."""
    alert_type, priority = text(body, "alert_type") or "info", text(body, "priority") or "normal"
    if alert_type not in ALERT_TYPES:
        raise ApiError(400, f"alert_type must be one of {', '.join(ALERT_TYPES)}.")
    if priority not in PRIORITIES:
        raise ApiError(400, "priority must be normal or low.")
    return Event(
        title=needed_text(body, "title")[:TITLE_MAX],
        text=text(body, "text")[:TEXT_MAX],
        date_happened=whole_number(body, "date_happened", now_s, 0, now_s + FUTURE_MAX_S),
        tags=tuple(normal_tags(texts(body, "tags"))),
        alert_type=alert_type,
        priority=priority,
        source=text(body, "source_type_name") or "my_apps",
        host=text(body, "host"),
        aggregation_key=text(body, "aggregation_key"),
    )


def _moment(given: Any, name: str, now_s: int) -> int:
    """Unix seconds; 0 and below count from now, as HolmesGPT sends `start=-3600&end=0`."""
    value = whole_number(given, name, 0, -TIME_MAX_S, TIME_MAX_S)
    return value if value > 0 else now_s + value


def _filter(given: dict[str, str]) -> Node:
    parts: list[Node] = []
    if given.get("priority"):
        parts.append(Match(Field(FieldKind.ATTRIBUTE, "priority"), given["priority"]))
    sources = texts(given, "sources")
    if sources:
        source = Field(FieldKind.RESERVED, "source")
        parts.append(disjunction([Match(source, name.lower()) for name in sources]))
    parts.extend(Match(Field(FieldKind.RESERVED, "tags"), tag.lower()) for tag in texts(given, "tags"))
    return conjunction(parts) if parts else All()
