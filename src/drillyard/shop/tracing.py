"""
What follows an order through every hop: the W3C trace context and the order's id.

A request brings `traceparent` (https://www.w3.org/TR/trace-context/) and `X-Order-Id`, or gets a trace of its own. Both
live in context variables for as long as the request is handled, stand in every log line about it, and leave with each
call or message that it causes. A header that is not well formed is ignored, as the recommendation asks, so that
nobody can write into our log.
"""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

ORDER_ID_HEADER = "X-Order-Id"
TRACE_HEADER = "traceparent"

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_ORDER_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True)
class Span:
    """One step of a trace: 32 hex digits of trace, 16 of span, the flags as they came."""

    trace_id: str
    span_id: str
    flags: str = "00"

    def child(self) -> Span:
        """A further step of the same trace."""
        return Span(self.trace_id, secrets.token_hex(8), self.flags)

    def traceparent(self) -> str:
        """The header's value."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def new_span() -> Span:
    """The first step of a new trace."""
    return Span(secrets.token_hex(16), secrets.token_hex(8))


def parse_traceparent(value: str | None) -> Span | None:
    """The caller's span, or None where the header is absent or not well formed."""
    match = _TRACEPARENT.fullmatch(value.strip()) if value else None
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or set(trace_id) == {"0"} or set(span_id) == {"0"}:
        return None
    return Span(trace_id, span_id, flags)


span: ContextVar[Span | None] = ContextVar("span", default=None)
order_id: ContextVar[str | None] = ContextVar("order_id", default=None)


def continue_from(traceparent: str | None, incoming_order_id: str | None) -> None:
    """Makes the current task a further step of the caller's trace (or the first of a new one), about that order."""
    caller = parse_traceparent(traceparent)
    span.set(caller.child() if caller else new_span())
    known = incoming_order_id is not None and _ORDER_ID.fullmatch(incoming_order_id)
    order_id.set(incoming_order_id if known else None)


def outgoing_headers() -> dict[str, str]:
    """What a call or a message caused by the current request carries along."""
    current = span.get() or new_span()
    headers = {TRACE_HEADER: current.child().traceparent()}
    order = order_id.get()
    if order is not None:
        headers[ORDER_ID_HEADER] = order
    return headers


class TracingMiddleware:
    """Reads the two headers of every request before anything else sees it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            continue_from(headers.get(TRACE_HEADER), headers.get(ORDER_ID_HEADER))
        await self._app(scope, receive, send)
