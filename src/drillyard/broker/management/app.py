"""
The management API over HTTP: login, addresses with escaped names, and errors as RabbitMQ words them.

Names in addresses are escaped (`/api/queues/%2F/shipping-task`), so routes match the raw path and unescape afterwards.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from drillyard.broker.broker import Broker
from drillyard.broker.errors import AmqpError
from drillyard.broker.patterns import PatternError, compile_pattern
from drillyard.broker.wire.table import encode_table

BODY_MAX_BYTES = 8 * 1024 * 1024
PAGE_SIZE_MAX = 500
NAME_MAX_BYTES = 255
Call = Callable[[Broker, Request], Awaitable[Response]]


class RawPaths:
    """Lets routes see the path as it was sent, escapes and all."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raw: bytes = scope.get("raw_path") or scope["path"].encode()
            # A slash at the end asks for the list, as in RabbitMQ.
            scope = {**scope, "path": raw.split(b"?")[0].decode("latin-1").rstrip("/") or "/"}
        await self._app(scope, receive, send)


def refuse(status: int, error: str, reason: str) -> HTTPException:
    """An answer in RabbitMQ's form: `{"error": …, "reason": …}`."""
    return HTTPException(status, json.dumps({"error": error, "reason": reason}))


def not_found() -> HTTPException:
    return refuse(404, "Object Not Found", "Not Found")


def part(request: Request, name: str) -> str:
    """A name from the address, unescaped."""
    return unquote(request.path_params[name])


def new_name(request: Request) -> str:
    """The name of something to create. Raises 400 for one that AMQP cannot carry."""
    name = part(request, "name")
    if not name or len(name.encode()) > NAME_MAX_BYTES:
        raise refuse(400, "bad_request", f"A name has 1 to {NAME_MAX_BYTES} bytes")
    return name


def read_arguments(body: dict[str, Any]) -> dict[str, Any]:
    """The `arguments` of a declaration. Raises 400 for what AMQP cannot carry."""
    arguments = body.get("arguments", {})
    if not isinstance(arguments, dict):
        raise refuse(400, "bad_request", "arguments must be an object")
    try:
        encode_table(arguments)
    except (TypeError, ValueError) as error:
        raise refuse(400, "bad_request", f"arguments do not fit: {error}") from error
    return arguments


def check_vhost(request: Request) -> None:
    """Raises 404 for any virtual host but `/`."""
    if "vhost" in request.path_params and part(request, "vhost") != "/":
        raise not_found()


async def read_body(request: Request, *, optional: bool = False) -> dict[str, Any]:
    """The JSON object of a request. Raises 400 or 413."""
    content = b""
    async for piece in request.stream():
        content += piece
        if len(content) > BODY_MAX_BYTES:
            raise refuse(413, "body_too_large", f"The body is larger than {BODY_MAX_BYTES} bytes")
    if not content and optional:
        return {}
    try:
        body = json.loads(content)
        # Half a character (a lone surrogate) is JSON but no text: neither AMQP nor the store could keep it.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise refuse(400, "bad_request", "The body is not JSON in UTF-8") from None
    if not isinstance(body, dict):
        raise refuse(400, "bad_request", "The body is not a JSON object")
    return body


def truth(value: Any, name: str) -> bool:
    """rabbitmqadmin sends booleans as the words "true" and "false"."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise refuse(400, "bad_request", f"{name} must be true or false, not {value!r}")


def listing(request: Request, items: list[dict[str, Any]]) -> Response:
    """
    A list by `sort` (else by name), `sort_reverse` and `columns`; with a `page` of `page_size` also by `name` and
    `use_regex`, which RabbitMQ ignores without one.
    """
    query = request.query_params
    sort = query.get("sort") or "name"
    items = sorted(items, key=lambda item: _sort_key(_column(item, sort)), reverse=query.get("sort_reverse") == "true")
    if "page" not in query:
        return JSONResponse([only_columns(request, item) for item in items])
    page, size = _number(query["page"], "page"), _number(query.get("page_size", "100"), "page_size")
    if size > PAGE_SIZE_MAX:
        raise refuse(400, "invalid_pagination_parameters", f"page_size must be at most {PAGE_SIZE_MAX}")
    total, wanted = len(items), query.get("name")
    if wanted:
        fits = _filter(wanted, regex=query.get("use_regex") == "true")
        items = [item for item in items if fits(str(item.get("name", "")))]
    shown = items[(page - 1) * size : page * size]
    if not shown and page > 1:
        about = f"page: {page} page size: {size}, len: {len(items)}"
        raise refuse(400, "page_out_of_range", f"Page out of range, {about}")
    return JSONResponse(
        {
            "items": [only_columns(request, item) for item in shown],
            "item_count": len(shown),
            "filtered_count": len(items),
            "total_count": total,
            "page": page,
            "page_size": size,
            "page_count": max(1, -(-len(items) // size)),
        }
    )


def _filter(wanted: str, *, regex: bool) -> Callable[[str], bool]:
    if not regex:
        return lambda name: wanted.lower() in name.lower()
    try:
        pattern = compile_pattern(wanted)
    except PatternError as error:
        raise refuse(400, "bad_request", f"name: {error.message}") from error
    return lambda name: pattern.search(name) is not None


def _number(text: str, name: str) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]{0,8}", text):
        raise refuse(400, "invalid_pagination_parameters", f"{name} must be a whole number from 1")
    return int(text)


def _sort_key(value: Any) -> tuple[int, Any]:
    if isinstance(value, bool | int | float):
        return (0, value)
    return (1, str(value)) if value is not None else (2, "")


def _column(item: dict[str, Any], path: str) -> Any:
    value: Any = item
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def only_columns(request: Request, item: dict[str, Any]) -> dict[str, Any]:
    """The fields that `columns=` asks for (dots go into objects), or all."""
    columns = request.query_params.get("columns")
    if not columns:
        return item
    shown: dict[str, Any] = {}
    for path in columns.split(","):
        names = path.split(".")
        value = _column(item, path)
        if value is None and names[-1] not in item:
            continue
        place = shown
        for name in names[:-1]:
            place = place.setdefault(name, {})
        place[names[-1]] = value
    return shown


def one(request: Request, item: dict[str, Any]) -> Response:
    return JSONResponse(only_columns(request, item))


def build_app(broker: Broker, routes: list[tuple[str, str, Call]]) -> ASGIApp:
    """`routes` are (method, path, call); every path under /api wants the login."""

    def endpoint(call: Call) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            _check_login(broker, request)
            check_vhost(request)
            try:
                return await call(broker, request)
            except AmqpError as error:
                raise _in_http(error) from error

        return answer

    app = Starlette(
        routes=[Route(path, endpoint(call), methods=[method]) for method, path, call in routes],
        exception_handlers={HTTPException: _as_json},
    )
    app.router.redirect_slashes = False
    return RawPaths(app)


def _in_http(error: AmqpError) -> HTTPException:
    if error.code == 404:
        return not_found()
    if error.code == 403:
        return refuse(401, "not_authorised", error.text)
    return refuse(400, "bad_request", error.text)


async def _as_json(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.detail.startswith("{"):
        return Response(error.detail, error.status_code, headers, "application/json")
    names = {404: ("Object Not Found", "Not Found"), 405: ("method_not_allowed", "Method Not Allowed")}
    name, reason = names.get(error.status_code, ("error", error.detail))
    return JSONResponse({"error": name, "reason": reason}, error.status_code, headers)


def _check_login(broker: Broker, request: Request) -> None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = password = ""
        if broker.knows(user, password):
            return
    raise HTTPException(
        401,
        json.dumps({"error": "not_authorized", "reason": "Login failed"}),
        {"WWW-Authenticate": 'Basic realm="drillyard-broker management"'},
    )
