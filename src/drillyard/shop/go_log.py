"""
The log of the services that were Go programs: go-kit's logfmt, one line each, to stderr.

    ts=2025-10-18T09:11:39.75194928Z caller=logging.go:27 method=List tags= order=id result=5 err=null took=236.974386ms

Lines about an order carry its id and the trace at their end; all others are exactly the original's.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from datetime import UTC, datetime

from drillyard.shop import tracing
from drillyard.shop.log_text import one_line

_PLAIN = re.compile(r"[^\s\"=\\]*")


def log_to_stderr() -> None:
    """Sends the libraries' warnings to stderr in the same format."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_LogfmtFormatter())
    handler.handleError = lambda record: None  # type: ignore[method-assign]  # A reader that went away is no news.
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def log(caller: str, **pairs: object) -> None:
    """Writes one line: when, where, the pairs in their order, the order's id and the trace where there are any."""
    try:
        sys.stderr.write(line(caller, pairs) + "\n")
        sys.stderr.flush()
    except OSError:
        return  # A reader that went away is no news.


def line(caller: str, pairs: dict[str, object], *, now_ns: int | None = None) -> str:
    """The line without its end."""
    order, span = tracing.order_id.get(), tracing.span.get()
    everything: dict[str, object] = {"ts": go_timestamp(now_ns), "caller": caller, **pairs}
    if order is not None:
        everything["order_id"] = order
    if order is not None and span is not None:
        everything["trace_id"] = span.trace_id[16:]
        everything["span_id"] = span.span_id
    return " ".join(f"{key}={_value(value)}" for key, value in everything.items())


def _value(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case _:
            text = str(value)
            return (
                text
                if _PLAIN.fullmatch(text) and text.isprintable()
                else one_line(json.dumps(text, ensure_ascii=False))
            )


def go_timestamp(now_ns: int | None = None) -> str:
    """`2025-10-18T09:11:39.75194928Z`: RFC 3339 with as many digits of a second as are not zero."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    seconds, rest = divmod(now_ns, 1_000_000_000)
    fraction = f".{rest:09d}".rstrip("0").rstrip(".")
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"


def go_duration(elapsed_ns: int) -> str:
    """`236.974386ms`, `77.945µs`, `1.2s`, `1m12s`: as Go prints a time.Duration."""
    if elapsed_ns == 0:
        return "0s"
    for unit, size_ns in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if elapsed_ns < 1_000 * size_ns:
            return f"{_trimmed(elapsed_ns, size_ns)}{unit}"
    minutes, rest_ns = divmod(elapsed_ns, 60_000_000_000)
    seconds = f"{_trimmed(rest_ns, 1_000_000_000)}s"
    if minutes < 60:
        return f"{minutes}m{seconds}" if minutes else seconds
    return f"{minutes // 60}h{minutes % 60}m{seconds}"


def _trimmed(amount: int, size: int) -> str:
    whole, rest = divmod(amount, size)
    return f"{whole}.{rest:0{len(str(size)) - 1}d}".rstrip("0").rstrip(".") if rest else str(whole)


class Took:
    """Seconds since it was made, as Go prints them."""

    def __init__(self) -> None:
        self._started_ns = time.perf_counter_ns()

    def __str__(self) -> str:
        return go_duration(time.perf_counter_ns() - self._started_ns)

    def seconds(self) -> float:
        """The same as a number."""
        return (time.perf_counter_ns() - self._started_ns) / 1e9


class _LogfmtFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text}: {type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
        return line(f"{record.name}:{record.lineno}", {"level": record.levelname.lower(), "msg": text})
