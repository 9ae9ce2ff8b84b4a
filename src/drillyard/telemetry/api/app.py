"""
The whole API as one ASGI application.
"""

from __future__ import annotations

from errno import ENOSPC

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.api import (
    checks,
    containers,
    dashboards,
    downtimes,
    events_v1,
    events_v2,
    formulas,
    hosts,
    incident_parts,
    incidents,
    logs_aggregate,
    logs_intake,
    logs_search,
    logs_v1,
    metric_lists,
    metric_query,
    monitors,
    notebooks,
    otlp,
    pipelines,
    prometheus,
    prometheus_status,
    series,
    slos,
    spans,
    unused,
    validate,
)
from drillyard.telemetry.api.answers import error_answer
from drillyard.telemetry.api.gate import Gate, refusal
from drillyard.telemetry.settings import Settings
from drillyard.telemetry.telemetry import Telemetry

_SENTENCES = {404: "Not found", 405: "Method not allowed"}


def build_app(telemetry: Telemetry, settings: Settings) -> ASGIApp:
    """Every surface behind the gate."""
    surfaces = (
        logs_search,
        logs_aggregate,
        events_v1,
        events_v2,
        containers,
        series,
        otlp,
        spans,
        metric_query,
        metric_lists,
        formulas,
        pipelines,
        checks,
        monitors,
        incidents,
        incident_parts,
        downtimes,
        hosts,
        prometheus,
        prometheus_status,
        logs_v1,
        unused,
        dashboards,
        notebooks,
        slos,
    )
    routes = logs_intake.routes(telemetry, settings.log_age_max_s)
    routes += [route for surface in surfaces for route in surface.routes(telemetry)]
    handlers = {HTTPException: _no_such_path, DrillyardError: _refuse, OSError: _full_disk, Exception: _refuse}
    app = Starlette(routes=[*routes, *validate.routes()], exception_handlers=handlers)
    app.router.redirect_slashes = False
    return Gate(app, settings.api_keys, settings.app_keys)


async def _full_disk(_: Request, error: Exception) -> Response:
    """A full disk is nobody's bug and needs no traceback in the log; any other OSError does."""
    if not isinstance(error, OSError) or error.errno != ENOSPC:
        raise error
    return refusal(error)


async def _refuse(_: Request, error: Exception) -> Response:
    return refusal(error)


async def _no_such_path(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return error_answer(error.status_code, _SENTENCES.get(error.status_code, error.detail), error.headers)
