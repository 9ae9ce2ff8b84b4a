"""
What follows an order through every hop: the trace and the order's id; and the spans that each hop records.

A request brings `traceparent` (https://www.w3.org/TR/trace-context/) or the B3 headers of the originals
(https://github.com/openzipkin/b3-propagation), and `X-Order-Id`; or it gets a trace of its own. Both live in context
variables for as long as the request is handled, stand in every log line about it, and leave with each call or message
that it causes. A header that is not well formed is ignored, as the recommendation asks, so that nobody can write into
our log. A new trace's id has 64 bits, as Sleuth's and Zipkin's had, so that a log line shows the whole of it.

The span of a request is the one whose id stands in the log; a call's or message's own span is the one whose id it
carries. The names and attributes of spans are OpenTelemetry's (semantic conventions 1.27: HTTP, messaging).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drillyard.shop import spans
from drillyard.shop.spans import Attributes, Step

ORDER_ID_HEADER = "X-Order-Id"
TRACE_HEADER = "traceparent"

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_B3 = re.compile(r"((?:[0-9a-f]{16}){1,2})-([0-9a-f]{16})(?:-([01d]))?(?:-[0-9a-f]{16})?")
_ORDER_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_QUIET = frozenset(("/health", "/metrics", "/prometheus"))
"""Probes and scrapes: fourteen pods of them would bury the orders."""


@dataclass(frozen=True)
class Span:
    """One step of a trace: 32 hex digits of trace, 16 of span and of its parent (empty: the first), W3C flags."""

    trace_id: str
    span_id: str
    flags: str = "00"
    parent_id: str = ""

    @property
    def sampled(self) -> bool:
        """Whether its spans are recorded somewhere."""
        return int(self.flags, 16) & 1 == 1

    def child(self) -> Span:
        """A further step of the same trace."""
        return Span(self.trace_id, secrets.token_hex(8), self.flags, self.span_id)

    def traceparent(self) -> str:
        """The header's value."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def new_span() -> Span:
    """The first step of a new trace, sampled where this process records spans."""
    trace_id = "0" * 16 + secrets.token_hex(8)
    return Span(trace_id, secrets.token_hex(8), "01" if spans.samples(trace_id) else "00")


def parse_traceparent(value: str | None) -> Span | None:
    """The caller's span, or None where the header is absent or not well formed."""
    match = _TRACEPARENT.fullmatch(value.strip()) if value else None
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if version == "ff" or (version == "00" and more) or set(trace_id) == {"0"} or set(span_id) == {"0"}:
        return None
    return Span(trace_id, span_id, flags)


def parse_b3(headers: Mapping[str, str]) -> Span | None:
    """The caller's span from `b3` or the `X-B3-` headers, or None. Without the caller's decision it is sampled."""
    single = headers.get("b3")
    if single is None:
        parts = (headers.get("X-B3-TraceId"), headers.get("X-B3-SpanId"))
        decision = "d" if headers.get("X-B3-Flags") == "1" else headers.get("X-B3-Sampled")
        single = "-".join(part for part in (*parts, decision) if part)
    match = _B3.fullmatch(single.strip())
    if match is None:
        return None
    trace_id, span_id, decision = match.groups()
    if set(trace_id) == {"0"} or set(span_id) == {"0"}:
        return None
    return Span(trace_id.rjust(32, "0"), span_id, "00" if decision == "0" else "01")


span: ContextVar[Span | None] = ContextVar("span", default=None)
order_id: ContextVar[str | None] = ContextVar("order_id", default=None)


def continue_from(headers: Mapping[str, str], incoming_order_id: str | None) -> None:
    """Makes the current task a further step of the caller's trace (or the first of a new one), about that order."""
    caller = parse_traceparent(headers.get(TRACE_HEADER)) or parse_b3(headers)
    span.set(caller.child() if caller else new_span())
    known = incoming_order_id is not None and _ORDER_ID.fullmatch(incoming_order_id)
    order_id.set(incoming_order_id if known else None)


def outgoing_headers() -> dict[str, str]:
    """What a call or a message caused by the current request carries along."""
    child = (span.get() or new_span()).child()
    headers = {
        TRACE_HEADER: child.traceparent(),
        "X-B3-TraceId": child.trace_id[16:] if child.trace_id.startswith("0" * 16) else child.trace_id,
        "X-B3-SpanId": child.span_id,
        "X-B3-ParentSpanId": child.parent_id,
        "X-B3-Sampled": "1" if child.sampled else "0",
    }
    order = order_id.get()
    if order is not None:
        headers[ORDER_ID_HEADER] = order
    return headers


def calling(method: str, url: str, headers: Mapping[str, str]) -> AbstractContextManager[Step | None]:
    """The caller's span of an HTTP request that carries `outgoing_headers`; None where nothing is recorded."""
    carried = _carried(headers)
    if carried is None:
        return nullcontext()
    parts = urlsplit(url)
    attributes: Attributes = {
        "http.request.method": method,
        "server.address": parts.hostname or "",
        "server.port": parts.port or (443 if parts.scheme == "https" else 80),
        "url.full": f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}",
    }
    return _step(carried, spans.CLIENT, method, attributes)


def sending(queue: str, headers: Mapping[str, str]) -> AbstractContextManager[Step | None]:
    """The span of a message put on a queue with `outgoing_headers`; None where nothing is recorded."""
    carried = _carried(headers)
    return _step(carried, spans.PRODUCER, f"send {queue}", _messaging(queue, "send")) if carried else nullcontext()


def handling(queue: str) -> AbstractContextManager[Step | None]:
    """The span of a message taken off a queue, after `continue_from`; None where nothing is recorded."""
    current = span.get()
    if current is None or not current.sampled or not spans.recording():
        return nullcontext()
    return _step(current, spans.CONSUMER, f"process {queue}", _messaging(queue, "process"))


def _carried(headers: Mapping[str, str]) -> Span | None:
    """The span that the headers announce, with the current one as its parent."""
    carried = parse_traceparent(headers.get(TRACE_HEADER)) if spans.recording() else None
    if carried is None or not carried.sampled:
        return None
    current = span.get()
    return Span(carried.trace_id, carried.span_id, carried.flags, current.span_id if current else "")


def _messaging(queue: str, operation: str) -> Attributes:
    return {
        "messaging.system": "rabbitmq",
        "messaging.destination.name": queue,
        "messaging.operation.type": operation,
        "messaging.rabbitmq.destination.routing_key": queue,
    }


def _step(at: Span, kind: int, name: str, attributes: Attributes) -> Step:
    order = order_id.get()
    if order is not None:
        attributes["order.id"] = order
    return Step(at.trace_id, at.span_id, at.parent_id, kind, name, attributes)


class TracingMiddleware:
    """Reads the headers of every request before anything else sees it, and records its span."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        continue_from(headers, headers.get(ORDER_ID_HEADER))
        current = span.get()
        quiet = scope["path"] in _QUIET and current is not None and not current.parent_id
        if current is None or quiet or not current.sampled or not spans.recording():
            await self._app(scope, receive, send)
            return
        with _step(current, spans.SERVER, scope["method"], _of_request(scope)) as step:

            async def send_and_note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    step.answered(message["status"], failed_from=500)
                await send(message)

            try:
                await self._app(scope, receive, send_and_note)
            finally:
                _name(step, scope)


def _of_request(scope: Scope) -> Attributes:
    return {"http.request.method": scope["method"], "url.path": scope["path"][:500], "url.scheme": scope["scheme"]}


def _name(step: Step, scope: Scope) -> None:
    """By the route, which is known only now, and never by the path: a stranger can ask for any number of paths."""
    route = getattr(scope.get("route"), "path", None)
    if isinstance(route, str):
        route = route.replace(":path}", "}")
        step.name = f"{scope['method']} {route}"
        step.attributes["http.route"] = route
    order = order_id.get()
    if order is not None:
        step.attributes["order.id"] = order
