"""
Events, second version: `POST /api/v2/events/search` and `GET /api/v2/events`.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.pages import answer_search, form_of, read_question
from drillyard.telemetry.events.event import show_v2
from drillyard.telemetry.telemetry import Telemetry


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def search(request: Request) -> Response:
        question = read_question(await read_object(request), telemetry.now_ms())
        return await answer_search(request, telemetry, telemetry.events, question, show_v2)

    async def listing(request: Request) -> Response:
        question = read_question(form_of(request), telemetry.now_ms())
        return await answer_search(request, telemetry, telemetry.events, question, show_v2)

    return [
        Route("/api/v2/events/search", search, methods=["POST"]),
        Route("/api/v2/events", listing, methods=["GET"]),
    ]
