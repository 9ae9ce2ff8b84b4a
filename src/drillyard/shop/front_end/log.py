"""
The front-end's log on stdout: one morgan line for each request, and the original's own sentences about what it does.

No password, card number or CCV is ever written: of a body only ids, states and messages are.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drillyard.shop.front_end.back_ends import Answer
from drillyard.shop.front_end.failures import Failure

Write = Callable[[str], None]

SHOWN_MAX = 100
_URL_MAX = 500


def shown(value: object) -> str:
    """A stranger's text on one line, shortened: it cannot forge a line of its own."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(value)[:SHOWN_MAX])


def order_response(answer: Answer) -> str:
    """
    `Order response: {"statusCode":500,"error":…,"message":…}` for a refused order, its id and status for a placed
    one.
    """
    try:
        body = answer.object()
    except Failure:
        body = {}
    keys = ("id", "status") if answer.status < 300 else ("error", "message")
    kept = {key: shown(body[key]) for key in keys if isinstance(body.get(key), str)}
    return f"Order response: {orjson.dumps({'statusCode': answer.status} | kept).decode()}"


class AccessLog:
    """morgan's `dev` format: method, URL, coloured status, milliseconds, length of the answer."""

    def __init__(self, app: ASGIApp, write: Write) -> None:
        self._app = app
        self._write = write

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s = time.perf_counter()
        status, length = 0, "-"

        async def send_and_note(message: Message) -> None:
            nonlocal status, length
            if message["type"] == "http.response.start":
                status = message["status"]
                length = next((v.decode() for k, v in message["headers"] if k == b"content-length" and v != b"0"), "-")
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            took_ms = (time.perf_counter() - started_s) * 1000
            self._write(_line(scope, status, f"{took_ms:.3f}" if status else "-", length))


def _line(scope: Scope, status: int, took_ms: str, length: str) -> str:
    query = scope["query_string"].decode("latin-1")
    url = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
    colour = 31 if status >= 500 else 33 if status >= 400 else 36 if status >= 300 else 32 if status >= 200 else 0
    shown_url = "".join(char if char.isprintable() else "?" for char in url[:_URL_MAX])
    return f"\x1b[0m{scope['method']} {shown_url} \x1b[{colour}m{status or '-'} \x1b[0m{took_ms} ms - {length}\x1b[0m"
