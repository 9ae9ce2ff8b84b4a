"""
Reading spans: `POST /api/v2/spans/events/search`, its GET twin, and `POST /api/v2/spans/analytics/aggregate`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer, request_id
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import section, text
from drillyard.telemetry.api.logs_aggregate import read_computes, read_groups
from drillyard.telemetry.api.pages import EmptyWindow, answer_search, form_of, read_question, read_window
from drillyard.telemetry.logs.aggregate import aggregate
from drillyard.telemetry.logs.query import parse
from drillyard.telemetry.otlp.spans import show_span
from drillyard.telemetry.telemetry import Telemetry


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def search(request: Request) -> Response:
        asked = _asked(await read_object(request), "search_request")
        try:
            question = read_question(asked, telemetry.now_ms())
        except EmptyWindow as wrong:
            return _unprocessable(wrong.message)
        return await answer_search(request, telemetry, telemetry.spans, question, show_span)

    async def listing(request: Request) -> Response:
        question = read_question(form_of(request), telemetry.now_ms())
        return await answer_search(request, telemetry, telemetry.spans, question, show_span)

    async def figures(request: Request) -> Response:
        started_s = time.monotonic()
        asked = _asked(await read_object(request), "aggregate_request")
        wanted = section(asked, "filter")
        query = text(wanted, "query", "*")
        try:
            window = read_window(wanted, telemetry.now_ms())
        except EmptyWindow as wrong:
            return _unprocessable(wrong.message)
        parse(query)
        computes = read_computes(asked, window)
        groups = read_groups(asked, computes)
        found = await telemetry.read(lambda: aggregate(telemetry.spans, query, window, computes, groups))
        buckets = [
            {
                "type": "bucket",
                "id": f"{number}",
                "attributes": {"by": b.by, "compute": {f"c{place}": value for place, value in enumerate(b.computes)}},
            }
            for number, b in enumerate(found)
        ]
        elapsed = round((time.monotonic() - started_s) * 1000)
        return answer({"data": buckets, "meta": {"elapsed": elapsed, "request_id": request_id(), "status": "done"}})

    return [
        Route("/api/v2/spans/events/search", search, methods=["POST"]),
        Route("/api/v2/spans/events", listing, methods=["GET"]),
        Route("/api/v2/spans/analytics/aggregate", figures, methods=["POST"]),
    ]


def _unprocessable(sentence: str) -> Response:
    """The spans API alone refuses with a JSON:API error."""
    return answer({"errors": [{"title": "Generic Error", "detail": sentence, "status": "422"}]}, 422)


def _asked(body: Mapping[str, Any], kind: str) -> dict[str, Any]:
    data = section(body, "data")
    if data.get("type") != kind:
        raise ApiError(400, f"data.type must be {kind}.")
    return section(data, "attributes")
