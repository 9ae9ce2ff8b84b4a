"""
Answers and request bodies as the original's helpers treat them: bodies without a Content-Type, JSON read only when it
is labelled so.
"""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from drillyard.shop import service
from drillyard.shop.front_end.back_ends import Answer
from drillyard.shop.front_end.failures import Failure

_NOT_PIPED = {
    "connection",
    "content-encoding",
    "content-length",
    "date",
    "keep-alive",
    "proxy-authenticate",
    "server",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}


def plain(body: bytes | str = b"", status: int = 200) -> Response:
    """A helper's answer: no Content-Type, which the original's pages rely on."""
    return Response(body, status)


def plain_json(value: Any, status: int = 200) -> Response:
    """JSON without the label."""
    return plain(orjson.dumps(value), status)


def piped(answer: Answer) -> Response:
    """The back service's own status, headers and bytes, but for what belongs to one connection."""
    response = Response(answer.body, answer.status)
    for name, value in answer.headers.items():
        if name.lower() not in _NOT_PIPED:
            response.headers.append(name, value)
    return response


async def json_body(request: Request) -> dict[str, Any]:
    """
    The request's JSON object; empty when the body is not labelled as JSON or is an array, as in Express.

    Raises Failure for a malformed one, in the words of the original (its session does not exist yet at that point).
    """
    try:
        body = await service.read_body(request)
    except service.BodyTooLarge:
        raise Failure("request entity too large", status=413) from None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" or not body:
        return {}
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict | list):
        raise Failure("Cannot read properties of undefined (reading 'logged_in')")
    return value if isinstance(value, dict) else {}


def target(request: Request) -> str:
    """The request's own path and query, undecoded, for a call that passes them on."""
    path = request.scope["raw_path"].decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path
