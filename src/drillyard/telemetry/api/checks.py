"""
Service checks come in: `POST /api/v1/check_run`.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_body, read_json
from drillyard.telemetry.api.fields import needed_text, text, texts, whole_number
from drillyard.telemetry.logs.intake import normal_tags
from drillyard.telemetry.telemetry import Telemetry

RUNS_MAX = 1_000


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""

    async def take(request: Request) -> Response:
        found = read_json(await read_body(request))
        runs = found if isinstance(found, list) else [found]
        if len(runs) > RUNS_MAX or not all(isinstance(run, dict) for run in runs):
            raise ApiError(400, f"The body must be a check run or an array of at most {RUNS_MAX}.")
        parsed = [_run(run) for run in runs]
        for check, tags, status in parsed:
            telemetry.checks.add(check, tags, status)
        return answer({"status": "ok"}, 202)

    return [Route("/api/v1/check_run", take, methods=["POST"])]


def _run(run: dict[str, object]) -> tuple[str, tuple[str, ...], int]:
    tags = normal_tags(texts(run, "tags"))
    host = text(run, "host_name")
    if host:
        tags.append(f"host:{host.lower()}")
    return needed_text(run, "check"), tuple(sorted(set(tags))), whole_number(run, "status", 3, 0, 3)
