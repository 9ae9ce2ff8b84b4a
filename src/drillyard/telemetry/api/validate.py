"""
`GET /api/v1/validate`: is my API key good? The gate has answered already when it is not.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import answer


def routes() -> list[Route]:
    """The paths of this surface."""

    async def validate(_: Request) -> Response:
        return answer({"valid": True})

    async def health(_: Request) -> Response:
        return answer({"status": "ok"})

    return [
        Route("/api/v1/validate", validate, methods=["GET", "POST"]),
        Route("/health", health, methods=["GET"]),
    ]
