"""
What every request passes on its way in and out: a good end, tidy slashes, the session and its cookie.
"""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drillyard.shop.front_end.sessions import COOKIE, Session, SessionCookie, SessionStore, new_session_id


class TidySlashes:
    """`/x/` becomes `/x` (301); a path with `//` is refused (400), so that no redirect leads to another host."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _tidied(scope) if scope["type"] == "http" else None
        await (answer or self._app)(scope, receive, send)


def _tidied(scope: Scope) -> Response | None:
    path = scope["raw_path"].decode("latin-1")
    headers = {"content-type": "text/html; charset=utf-8", "x-content-type-options": "nosniff"}
    if "//" in path or path.startswith("/\\"):
        return Response("invalid URL to redirect to", 400, headers=headers)
    if path == "/" or not path.endswith("/"):
        return None
    query = scope["query_string"].decode("latin-1")
    location = path.rstrip("/") + (f"?{query}" if query else "")
    headers |= {"content-type": "text/plain; charset=utf-8", "location": location}
    return Response(f"Moved Permanently. Redirecting to {location}", 301, headers=headers)


class Leaving:
    """Answers 503 to requests that are still under way when the process ends and its grace is over."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def send_and_note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except asyncio.CancelledError:
            if scope["type"] != "http" or begun:
                raise
            await Response("Service Unavailable", 503, headers={"connection": "close"})(scope, receive, send)


class PoweredBy:
    """Names the original's framework, which clients of the original may look for."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_named(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-powered-by", b"Express")]
            await send(message)

        await self._app(scope, receive, send_named if scope["type"] == "http" else send)


class Sessions:
    """Gives every request a session; a browser without a valid cookie gets one with the answer."""

    def __init__(self, app: ASGIApp, cookie: SessionCookie, store: SessionStore) -> None:
        self._app = app
        self._cookie = cookie
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        cookies = cookie_parser(Headers(scope=scope).get("cookie", ""))
        known = self._cookie.session_id(cookies.get(COOKIE))
        session_id = known or new_session_id()
        scope.setdefault("state", {})["session"] = Session(session_id, self._store)

        async def send_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and known is None:
                value = f"{COOKIE}={self._cookie.value(session_id)}; Path=/; HttpOnly"
                message["headers"] = [*message["headers"], (b"set-cookie", value.encode())]
            await send(message)

        await self._app(scope, receive, send_cookie)
