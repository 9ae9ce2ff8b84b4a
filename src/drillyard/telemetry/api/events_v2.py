"""
Events, second version: `POST /api/v2/events/search`, `GET` and `POST /api/v2/events`.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.events_v1 import TEXT_MAX, TITLE_MAX
from drillyard.telemetry.api.fields import needed_text, section, text, texts
from drillyard.telemetry.api.pages import ASKED_MAX, answer_search, form_of, read_question
from drillyard.telemetry.events.event import Event, show_v2
from drillyard.telemetry.logs.intake import normal_tags
from drillyard.telemetry.telemetry import Telemetry
from drillyard.telemetry.times import parse_time

_STATUSES = {"error": "error", "warn": "warning", "ok": "success"}
_OWN = frozenset({"title", "priority", "aggregation_key", "status", "timestamp", "evt"})


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def search(request: Request) -> Response:
        question = read_question(await read_object(request), telemetry.now_ms(), asked_max=ASKED_MAX)
        return await answer_search(request, telemetry, telemetry.events, question, show_v2)

    async def listing(request: Request) -> Response:
        question = read_question(form_of(request), telemetry.now_ms(), asked_max=ASKED_MAX)
        return await answer_search(request, telemetry, telemetry.events, question, show_v2)

    async def create(request: Request) -> Response:
        event = read_event_v2(await read_object(request), telemetry.now_ms())
        record = event.record()
        await telemetry.event_writer.add([record])
        attributes = {"attributes": {"evt": {"id": str(record.key), "uid": str(record.key)}}}
        return answer({"data": {"type": "event", "attributes": attributes}}, 202)

    return [
        Route("/api/v2/events", create, methods=["POST"]),
        Route("/api/v2/events/search", search, methods=["POST"]),
        Route("/api/v2/events", listing, methods=["GET"]),
    ]


def read_event_v2(body: dict[str, Any], now_ms: int) -> Event:
    """The event in a v2 body: `data.attributes` of the category change or alert. Raises ApiError, TimeError."""
    data = section(body, "data")
    if data.get("type") != "event":
        raise ApiError(400, "data.type must be event.")
    asked = section(data, "attributes")
    category, inner = needed_text(asked, "category"), section(asked, "attributes")
    if category not in ("change", "alert"):
        raise ApiError(400, "category must be change or alert.")
    status = text(inner, "status") or "info"
    if category == "alert" and status not in _STATUSES:
        raise ApiError(400, f"status must be one of {', '.join(_STATUSES)}.")
    return Event(
        title=needed_text(asked, "title")[:TITLE_MAX],
        text=text(asked, "message")[:TEXT_MAX],
        date_happened=max(0, min(parse_time(asked.get("timestamp") or "now", now_ms), now_ms)) // 1000,
        tags=tuple(normal_tags(texts(asked, "tags"))),
        alert_type=_STATUSES.get(status, "info") if category == "alert" else "info",
        host=text(asked, "host"),
        aggregation_key=text(asked, "aggregation_key"),
        attributes={"category": category} | {name: value for name, value in inner.items() if name not in _OWN},
    )
