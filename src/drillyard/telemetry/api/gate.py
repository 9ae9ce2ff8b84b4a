"""
What stands before every surface: clean paths, keys, rate limits, and no traceback to anybody.

Intake wants the API key only; everything else the application key as well, as Datadog does.
"""

from __future__ import annotations

import base64
import errno
import hmac
import re
import time
from collections.abc import Iterable
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.api.answers import ApiError, error_answer
from drillyard.telemetry.api.held_bytes import SCOPE_KEY, HeldBytes
from drillyard.telemetry.logs.cursor import CursorError
from drillyard.telemetry.logs.intake import IntakeError
from drillyard.telemetry.logs.record_store import SearchTooSlow, StoreFull

RATE_MAX = 6_000
RATE_PERIOD_S = 60

_INTAKE = re.compile(
    r"/v1/input(/.*)?|/v1/(logs|metrics|traces)|/api/v2/logs|/api/v[12]/series"
    r"|/api/v1/(check_run|container|validate|distribution_points|intake|metadata|collector)"
    r"|/intake/?|/api/beta/sketches|/api/v2/(host_metadata|orch|orchmanif|contlcycle|contimage|sbom)"
)
"""Also what the Datadog agent posts and nothing here keeps: a 403 would tell it that its key is wrong."""
_OPEN = frozenset({"/health"})


class Gate:
    """ASGI middleware around the whole API."""

    def __init__(self, app: ASGIApp, api_keys: Iterable[str], app_keys: Iterable[str]) -> None:
        self._app = app
        self._api_keys = [key.encode() for key in api_keys]
        self._app_keys = [key.encode() for key in app_keys]
        self._limits = RateLimits()
        self._held = HeldBytes()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # HolmesGPT sends //api/v2/...
        scope["path"] = re.sub("/{2,}", "/", scope["path"])
        scope["raw_path"] = scope["path"].encode()
        started = False
        headers: dict[str, str] = {}

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [
                    *message.get("headers", []),
                    *((name.lower().encode(), value.encode()) for name, value in headers.items()),
                ]
            await send(message)

        try:
            key = self._admit(Request(scope))
            headers = self._limits.take(limit_name(scope["path"]), key) if key else {}
            with self._held.of_request() as scope[SCOPE_KEY]:
                await self._app(scope, receive, send_with_headers)
        except Exception as error:
            if started:
                raise
            await refusal(error)(scope, receive, send_with_headers)

    def _admit(self, request: Request) -> str:
        """The API key, empty where none is needed. Raises ApiError 403."""
        path = request.url.path
        if path in _OPEN:
            return ""
        if path.startswith("/prometheus/"):
            token = _token(request)
            if not _one_of(token, self._app_keys):
                raise ApiError(401, "Unauthorized", {"WWW-Authenticate": "Bearer"})
            return token
        api_key = _key(request, "dd-api-key", "api_key", "dd-api-key")
        if not api_key and path.startswith("/v1/input/"):
            api_key = path.removeprefix("/v1/input/")
        if not api_key and path == "/api/v1/validate":
            raise ApiError(403, "API key required")
        if not _one_of(api_key, self._api_keys):
            raise ApiError(403, "Forbidden")
        event_posted = request.method == "POST" and path in ("/api/v1/events", "/api/v2/events")
        if not (_INTAKE.fullmatch(path) or event_posted):
            app_key = _key(request, "dd-application-key", "application_key", "dd-application-key")
            if not _one_of(app_key, self._app_keys):
                raise ApiError(403, "Forbidden")
            return api_key
        return ""


def _key(request: Request, header: str, *parameters: str) -> str:
    found = request.headers.get(header, "")
    if found:
        return found
    query = parse_qs(request.url.query)
    return next((query[name][0] for name in parameters if name in query), "")


def _token(request: Request) -> str:
    """The application key as Prometheus' clients can send it: bearer token, basic password, or Datadog's header."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode().partition(":")[2]
        except ValueError:
            return ""
    return value.strip() or request.headers.get("dd-application-key", "")


def _one_of(given: str, keys: Iterable[bytes]) -> bool:
    found = False
    for key in keys:
        found |= hmac.compare_digest(given.encode(errors="replace"), key)
    return found


def refusal(error: Exception) -> Response:
    """The answer to an error: its own sentence for what the client can mend, none for a bug of ours."""
    match error:
        case ApiError() | IntakeError():
            return error_answer(error.status, str(error), getattr(error, "headers", None))
        case StoreFull():
            return error_answer(507, str(error))
        case OSError(errno=errno.ENOSPC):
            return error_answer(507, "The disk is full: nothing was kept.")
        case SearchTooSlow():
            return error_answer(408, str(error))
        case CursorError() | DrillyardError():
            return error_answer(400, str(error))
    return error_answer(500, "Internal error")


def limit_name(path: str) -> str:
    """The family of a path that shares a rate limit: `logs`, `monitor`, …"""
    parts = path.split("/")
    return parts[3] if len(parts) > 3 else "other"


class RateLimits:
    """So many requests in each period for each key and family."""

    def __init__(self, most: int = RATE_MAX, period_s: int = RATE_PERIOD_S) -> None:
        self._most = most
        self._period_s = period_s
        self._counts: dict[tuple[str, str], int] = {}
        self._period = 0

    def take(self, name: str, key: str, now_s: float | None = None) -> dict[str, str]:
        """Counts one request and gives the headers that say what is left. Raises ApiError 429."""
        now_s = time.time() if now_s is None else now_s
        period = int(now_s // self._period_s)
        if period != self._period:
            self._period = period
            self._counts.clear()
        used = self._counts[name, key] = self._counts.get((name, key), 0) + 1
        headers = {
            "X-RateLimit-Limit": str(self._most),
            "X-RateLimit-Period": str(self._period_s),
            "X-RateLimit-Remaining": str(max(0, self._most - used)),
            "X-RateLimit-Reset": str(max(1, round((period + 1) * self._period_s - now_s))),
            "X-RateLimit-Name": name,
        }
        if used > self._most:
            raise ApiError(429, f"Rate limit of {self._most} requests in {self._period_s} seconds reached.", headers)
        return headers
