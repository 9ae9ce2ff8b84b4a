"""
The spans of one process: what it did for a trace, kept until somebody fetches them.

Written by hand because it is in every request of every pod: measured on one core, opentelemetry-sdk took 127 µs a span
with its batch processor and encoder and 12 MB a process. Promise kept here: recording never waits and never raises, and
holds at most `most` spans; what does not fit is counted and forgotten.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType

Attributes = dict[str, str | int]

SERVER, CLIENT, PRODUCER, CONSUMER = 2, 3, 4, 5
"""SpanKind of opentelemetry-proto `trace.proto`."""
_ERROR_MAX = 200


@dataclass(slots=True)
class FinishedSpan:
    """Ids in lower-case hex; times in nanoseconds since 1970; `error` says what went wrong, None when nothing did."""

    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    name: str
    start_ns: int
    end_ns: int
    error: str | None
    attributes: Attributes


class SpanBuffer:
    """The finished spans that nobody has fetched yet."""

    def __init__(self, most: int, wake: Callable[[], None]) -> None:
        self._most, self._wake = most, wake
        self._spans: list[FinishedSpan] = []
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._spans)

    def add(self, span: FinishedSpan) -> None:
        """Keeps it, or counts it as dropped when there is no room."""
        if len(self._spans) >= self._most:
            self.dropped += 1
            return
        self._spans.append(span)
        self._wake()

    def take(self, most: int) -> list[FinishedSpan]:
        """The oldest ones, which are then forgotten here."""
        taken, self._spans = self._spans[:most], self._spans[most:]
        return taken


_buffer: SpanBuffer | None = None
_ratio = 1.0


def record_into(buffer: SpanBuffer | None, ratio: float = 1.0) -> None:
    """Where the spans of this process go from now on (None: nowhere), and how many of new traces are sampled."""
    global _buffer, _ratio
    _buffer, _ratio = buffer, ratio


def samples(trace_id: str) -> bool:
    """Whether a new trace is recorded: OpenTelemetry's TraceIdRatioBased, by the id's last 64 bits."""
    return _buffer is not None and (_ratio >= 1.0 or int(trace_id[-16:], 16) < _ratio * (1 << 64))


def recording() -> bool:
    """Whether spans of this process are kept."""
    return _buffer is not None


class Step(AbstractContextManager["Step"]):
    """A span under way, recorded when the block ends."""

    __slots__ = ("_start_ns", "attributes", "error", "kind", "name", "parent_id", "span_id", "trace_id")

    def __init__(
        self, trace_id: str, span_id: str, parent_id: str, kind: int, name: str, attributes: Attributes
    ) -> None:
        self.trace_id, self.span_id, self.parent_id = trace_id, span_id, parent_id
        self.kind, self.name, self.attributes = kind, name, attributes
        self.error: str | None = None
        self._start_ns = time.time_ns()

    def answered(self, status: int, *, failed_from: int) -> None:
        """The HTTP status; from `failed_from` on it is an error (400 for a client, 500 for a server)."""
        self.attributes["http.response.status_code"] = status
        if status >= failed_from:
            self.fail(str(status), "")

    def fail(self, kind: str, text: str) -> None:
        """Marks it as an error of that kind."""
        self.error = text[:_ERROR_MAX]
        self.attributes["error.type"] = kind

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        buffer = _buffer
        if buffer is None:
            return
        if kind is not None:
            self.fail(kind.__qualname__, str(problem))
        buffer.add(
            FinishedSpan(
                self.trace_id,
                self.span_id,
                self.parent_id,
                self.kind,
                self.name,
                self._start_ns,
                time.time_ns(),
                self.error,
                self.attributes,
            )
        )
