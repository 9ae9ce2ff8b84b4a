"""
The web side of the services that were Spring Boot programs: error bodies, health, the layers around the routes.

Boot 1.4 (orders, shipping, queue-master) and 2.0 (carts) differ in their error body: 1.4 has epoch milliseconds and
names the exception, 2.0 has ISO text and does not. Whatever goes wrong is answered in that shape.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Literal

import orjson
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drillyard.shop.error_boundary import ErrorBoundary
from drillyard.shop.metrics import MetricsMiddleware, route_path
from drillyard.shop.money import JavaFloat
from drillyard.shop.service import BodyTooLarge, read_body
from drillyard.shop.spring_log import RequestThreads
from drillyard.shop.store_errors import DatabaseUnavailable, UnfitValue
from drillyard.shop.tracing import TracingMiddleware, order_id

JSON = "application/json;charset=UTF-8"
Boot = Literal["1.4", "2.0"]

_log = logging.getLogger("works.weave.socks.web.ErrorBoundary")


class SpringError(Exception):
    """An answer in Spring's error body. `exception` is the Java class that the original names."""

    def __init__(self, status: int, message: str, exception: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.exception = exception


def not_readable(message: str) -> SpringError:
    """400: a body that is not the JSON that was asked for."""
    return SpringError(400, message, "org.springframework.http.converter.HttpMessageNotReadableException")


async def json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises SpringError: 415 for another content type, 400 for other content."""
    content_type = request.headers.get("content-type", "")
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise SpringError(
            415,
            f"Content type '{content_type}' not supported",
            "org.springframework.web.HttpMediaTypeNotSupportedException",
        )
    body = await read_body(request)
    if not body:
        raise not_readable("Required request body is missing")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise not_readable(f"Could not read document: {problem}") from None
    if not isinstance(value, dict):
        raise not_readable("Could not read document: a JSON object is required")
    return value


def java_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A compact JSON answer as Jackson writes it, without a newline."""
    body = orjson.dumps(value, default=_java_float)
    return Response(body, status, {"content-type": JSON, **(headers or {})})


def _java_float(value: object) -> orjson.Fragment:
    if isinstance(value, JavaFloat):
        return orjson.Fragment(str(value).encode())
    raise TypeError(f"{type(value).__name__} is no JSON")


def java_date(moment: datetime) -> str:
    """`2025-10-18T09:24:28.840+0000`: UTC, milliseconds, zone without a colon."""
    moment = moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def health(parts: Sequence[tuple[str, bool]]) -> Response:
    """The Java services' health: always 200, one entry per part in the given order, `err` for one that is away."""
    date = java_date(datetime.now(UTC)).replace("+0000", "Z")
    entries = [{"service": name, "status": "OK" if well else "err", "date": date} for name, well in parts]
    return java_json({"health": entries})


def error_body(error: SpringError, path: str, boot: Boot) -> dict[str, object]:
    """The keys of Boot's error body in its order."""
    now = time.time()
    body: dict[str, object] = {
        "timestamp": int(now * 1000) if boot == "1.4" else java_date(datetime.fromtimestamp(now, UTC)),
        "status": error.status,
        "error": HTTPStatus(error.status).phrase,
    }
    if boot == "1.4" and error.exception:
        body["exception"] = error.exception
    return {**body, "message": error.message, "path": path}


class LabelledRoute(Route):
    """A route whose requests are counted under Spring's own pattern."""

    label: str


def route(path: str, endpoint: Callable[[Request], Awaitable[Response]], verb: str, *, label: str) -> LabelledRoute:
    """A route for one method (GET includes HEAD) with the label of its metrics."""
    made = LabelledRoute(path, endpoint, methods=[verb])
    made.label = label
    return made


def application(
    routes: Sequence[BaseRoute],
    *,
    service: str,
    boot: Boot,
    port: int,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]],
    registry: CollectorRegistry,
    metrics_path: str = "/metrics",
    metrics_name: str = "http_request_duration_seconds",
    path_label: str = "path",
) -> ASGIApp:
    """The routes inside error bodies, request metrics, Tomcat's thread names and tracing."""

    async def answer(request: Request, problem: Exception) -> Response:
        if isinstance(problem, DatabaseUnavailable):
            order = order_id.get()
            about = f" (order {order})" if order else ""
            _log.error("%s %s failed%s: %s", request.method, request.url.path, about, problem)
        headers = None
        if isinstance(problem, HTTPException) and problem.status_code == 405:
            methods = _methods_of(request.scope, routes)
            if request.method == "OPTIONS":
                return Response(headers={"allow": _options(methods)})
            headers = {"allow": ", ".join(methods)}
        error = _as_spring_error(problem, request)
        return java_json(error_body(error, request.url.path, boot), error.status, headers)

    app: ASGIApp = Starlette(
        routes=routes,
        lifespan=lifespan,
        exception_handlers=dict.fromkeys((HTTPException, SpringError, *_OWN_ERRORS, Exception), answer),
    )
    app.router.redirect_slashes = False  # type: ignore[attr-defined]
    app = ErrorBoundary(_TrailingSlash(app, routes), answer=answer, log=lambda text: _log.error("%s", text))
    app = MetricsMiddleware(
        app,
        registry=registry,
        name=metrics_name,
        metrics_path=metrics_path,
        label_names=("service", "method", path_label, "status_code"),
        labels=lambda scope, status: _labels(scope, status, service, path_label, metrics_path),
    )
    if boot == "1.4":
        app = _ApplicationContext(app, f"{service}:{port}")
    return TracingMiddleware(RequestThreads(app, port=port))


def _methods_of(scope: Scope, routes: Sequence[BaseRoute]) -> list[str]:
    """What the routes of this path were declared for, in their order; HEAD, which comes with GET, is not declared."""
    found = [one for one in routes if isinstance(one, Route) and one.matches(scope)[0] is not Match.NONE]
    return list(dict.fromkeys(verb for one in found for verb in sorted(one.methods or ()) if verb != "HEAD"))


def _options(methods: Sequence[str]) -> str:
    """Allow, as Spring MVC answers OPTIONS by itself (RequestMappingInfoHandlerMapping)."""
    return ",".join(
        [*(part for verb in methods for part in (("GET", "HEAD") if verb == "GET" else (verb,))), "OPTIONS"]
    )


class _TrailingSlash:
    """Spring MVC's default: `/orders/` is served as `/orders`, where no other route wants the slash."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] == "http" and path.endswith("/") and path != "/":
            tidy = {**scope, "path": path[:-1]}
            if any(one.matches(tidy)[0] is Match.FULL for one in self._routes):
                scope = tidy
        await self._app(scope, receive, send)


def _labels(scope: Scope, status: int, service: str, path_label: str, metrics_path: str) -> dict[str, str] | None:
    matched = scope.get("route")
    path = matched.label if isinstance(matched, LabelledRoute) else route_path(scope)
    path = path or (metrics_path if scope["path"] == metrics_path else "other")
    return {"service": service, "method": scope["method"], path_label: path, "status_code": str(status)}


_OWN_ERRORS: tuple[type[Exception], ...] = (BodyTooLarge, DatabaseUnavailable, UnfitValue)


def _as_spring_error(problem: Exception, request: Request) -> SpringError:
    match problem:
        case SpringError():
            return problem
        case HTTPException(status_code=405):
            return SpringError(
                405,
                f"Request method '{request.method}' not supported",
                "org.springframework.web.HttpRequestMethodNotSupportedException",
            )
        case HTTPException():
            text = "No message available" if problem.status_code == 404 else problem.detail
            return SpringError(problem.status_code, text)
        case BodyTooLarge():
            return SpringError(413, "The request body is larger than this service reads")
        case UnfitValue():
            return not_readable(str(problem))
        case DatabaseUnavailable():
            return SpringError(500, str(problem), "org.springframework.dao.DataAccessResourceFailureException")
        case _:
            return SpringError(500, "Internal Server Error", "java.lang.IllegalStateException")


class _ApplicationContext:
    """Adds the header by which Boot 1.4 names itself in every answer."""

    def __init__(self, app: ASGIApp, context: str) -> None:
        self._app = app
        self._header = (b"x-application-context", context.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_header(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), self._header]}
            await send(message)

        await self._app(scope, receive, send_with_header)
