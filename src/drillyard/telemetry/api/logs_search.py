"""
Reading logs: `POST /api/v2/logs/events/search` and its GET twin `/api/v2/logs/events`.
"""

from __future__ import annotations

import base64
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.pages import answer_search, form_of, read_question
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.telemetry import Telemetry
from drillyard.telemetry.times import iso


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def search(request: Request) -> Response:
        question = read_question(await read_object(request), telemetry.now_ms())
        return await answer_search(request, telemetry, telemetry.logs, question, show)

    async def listing(request: Request) -> Response:
        question = read_question(form_of(request), telemetry.now_ms())
        return await answer_search(request, telemetry, telemetry.logs, question, show)

    return [
        Route("/api/v2/logs/events/search", search, methods=["POST"]),
        Route("/api/v2/logs/events", listing, methods=["GET"]),
    ]


def show(record: Record) -> dict[str, Any]:
    """A log as the API shows it; empty parts are left out, `source` is a tag."""
    source = [f"source:{record.source}"] if record.source else []
    parts: dict[str, Any] = {
        "timestamp": iso(record.timestamp_ms),
        "status": record.status,
        "host": record.host,
        "service": record.service,
        "message": record.message,
        "tags": [*record.tags, *source],
        "attributes": record.attributes,
    }
    shown = {name: part for name, part in parts.items() if part}
    return {"id": log_id(record.key), "type": "log", "attributes": shown}


def log_id(key: int) -> str:
    """The record's key in the shape of Datadog's ids."""
    return "AQAAA" + base64.urlsafe_b64encode(key.to_bytes(9)).decode()


def read_log_id(text: str) -> int:
    """The key in an id. Raises ApiError."""
    try:
        return int.from_bytes(base64.urlsafe_b64decode(text.removeprefix("AQAAA")))
    except ValueError as wrong:
        raise ApiError(400, "The log id is damaged.") from wrong
