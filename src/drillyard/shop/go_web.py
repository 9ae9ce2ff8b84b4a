"""
The web side of the services that were Go programs: error bodies, health, 404, the layers around the routes.

Their error body is JSON labelled text/plain, because the original sets the header after the status line. A path or a
method that nobody serves is Go's plain 404.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import orjson
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from drillyard.shop.error_boundary import ErrorBoundary
from drillyard.shop.go_log import log
from drillyard.shop.metrics import MetricsMiddleware
from drillyard.shop.service import BodyTooLarge
from drillyard.shop.store_errors import DatabaseUnavailable, UnfitValue
from drillyard.shop.tracing import TracingMiddleware

PathLabel = Callable[[Scope], str]


class GoError(Exception):
    """An answer in the Go services' error body."""

    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error


def json_answer(value: object, *, content_type: str = "application/json; charset=utf-8") -> Response:
    """200 with compact JSON and a newline, `<`, `>` and `&` escaped, as Go's encoder writes it."""
    return Response(go_bytes(value), headers={"content-type": content_type})


def go_bytes(value: object) -> bytes:
    """JSON as Go's encoder writes it."""
    raw = orjson.dumps(value)
    for character, escaped in ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026")):
        raw = raw.replace(character, escaped)
    return raw + b"\n"


def error_response(error: GoError) -> Response:
    """The error body."""
    phrase = HTTPStatus(error.status).phrase
    body = {"error": error.error, "status_code": error.status, "status_text": phrase}
    return Response(go_bytes(body), error.status, {"content-type": "text/plain; charset=utf-8"})


def not_found() -> Response:
    """Go's own 404."""
    headers = {"content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff"}
    return Response("404 page not found\n", 404, headers)


class GoTime:
    """`2025-10-28 10:13:41.395245431 +0000 UTC m=+35.170731323`: Go's text of a time, and its age."""

    def __init__(self) -> None:
        self._started_ns = time.monotonic_ns()

    def now(self) -> str:
        """The text for this moment."""
        seconds, rest = divmod(time.time_ns(), 1_000_000_000)
        elapsed = (time.monotonic_ns() - self._started_ns) / 1e9
        fraction = f".{rest:09d}".rstrip("0").rstrip(".")
        at = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
        return f"{at}{fraction} +0000 UTC m=+{elapsed:.9f}"


def health(clock: GoTime, parts: Sequence[tuple[str, bool]], *, content_type: str | None = None) -> Response:
    """The Go services' health: always 200, one entry per part, `err` for one that is away."""
    at = clock.now()
    body = {"health": [{"service": name, "status": "OK" if well else "err", "time": at} for name, well in parts]}
    return json_answer(body, **({"content_type": content_type} if content_type else {}))


def get(path: str, endpoint: Callable[[Request], Any]) -> Route:
    """A route for GET alone: these services do not answer HEAD."""
    return method("GET", path, endpoint)


def method(verb: str, path: str, endpoint: Callable[[Request], Any]) -> Route:
    """A route for one method."""
    route = Route(path, endpoint, methods=[verb])
    route.methods = {verb}
    return route


def application(
    routes: Sequence[Route],
    *,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]],
    registry: CollectorRegistry,
    path_label: PathLabel,
    store_error: Callable[[Exception], GoError],
) -> ASGIApp:
    """The routes inside error bodies, request metrics and tracing. `store_error` words a failure of the store."""

    async def answer(request: Request, problem: Exception) -> Response:
        match problem:
            case GoError():
                return error_response(problem)
            case HTTPException(status_code=404 | 405):
                return not_found()
            case HTTPException():
                return error_response(GoError(problem.status_code, problem.detail))
            case BodyTooLarge():
                return error_response(GoError(413, "http: request body too large"))
            case DatabaseUnavailable() | UnfitValue():
                return error_response(store_error(problem))
            case _:
                return error_response(GoError(500, "internal error"))

    kinds: Mapping[Any, Any] = dict.fromkeys(
        (HTTPException, GoError, BodyTooLarge, DatabaseUnavailable, UnfitValue, Exception), answer
    )
    starlette = Starlette(routes=list(routes), lifespan=lifespan, exception_handlers=kinds)
    starlette.router.redirect_slashes = False
    app: ASGIApp = MetricsMiddleware(
        ErrorBoundary(starlette, answer=answer, log=lambda text: log("server.go:110", level="error", err=text)),
        registry=registry,
        label_names=("method", "path", "status_code", "isWS"),
        labels=lambda scope, status: {
            "method": scope["method"],
            "path": path_label(scope),
            "status_code": str(status),
            "isWS": "false",
        },
    )
    return TracingMiddleware(app)
