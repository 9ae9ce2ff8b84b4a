"""
The log of the services that were Spring Boot programs: one line each, to stdout, in Spring's own format.

    2025-10-28 10:04:45.548  INFO [orders,<trace>,<span>,false] 1 --- [p-nio-80-exec-1] w.w.s.o.controllers.OrdersController     : text

Level padded to 5, thread to the last 15 characters, logger shortened to 39 and padded to 40, UTC. The trace's last 16 hex
digits and the span's 16 stand where Sleuth puts them. A text never breaks its line, and never brings a stack trace.
"""  # noqa: E501 -- the format is one line.

from __future__ import annotations

import functools
import logging
import sys
import time
from contextvars import ContextVar

from starlette.types import ASGIApp, Receive, Scope, Send

from drillyard.shop.log_text import one_line
from drillyard.shop.tracing import span

LOGGER_WIDTH = 40
_LOGGER_MAX = 39

thread_name: ContextVar[str] = ContextVar("thread_name", default="main")


def log_to_stdout(application: str) -> None:
    """Sends every logger of this process to stdout in Spring's format: ours from INFO, the libraries' from WARNING."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(SpringFormatter(application))
    handler.handleError = lambda record: None  # type: ignore[method-assign]  # A reader that went away is no news.
    # What no line shows is not looked up (https://docs.python.org/3/howto/logging.html#optimization): half of a line's
    # processor time.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("works.weave.socks").setLevel(logging.INFO)
    for library in ("aio_pika", "aiormq"):  # Whatever they warn of is reported by our own line, with the order's id.
        logging.getLogger(library).setLevel(logging.CRITICAL)


class SpringFormatter(logging.Formatter):
    """Formats a record as Spring Boot's console pattern with Sleuth's `[application,trace,span,exported]`."""

    def __init__(self, application: str) -> None:
        super().__init__()
        self._application = application

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(record.created))
        level = {"WARNING": "WARN", "CRITICAL": "FATAL"}.get(record.levelname, record.levelname)
        current = span.get()
        exported = "true" if current and current.sampled else "false"
        trace = f"{current.trace_id[16:]},{current.span_id},{exported}" if current else ",,"
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            problem = record.exc_info[1]
            text = f"{text}: {type(problem).__name__}: {problem}"
        # "1" is the process id that the original has in its container.
        return (
            f"{at}.{int(record.msecs):03d} {level:>5} [{self._application},{trace}] 1 --- "
            f"[{thread_name.get()[-15:]:>15}] {shorten(record.name):<{LOGGER_WIDTH}} : {one_line(text)}"
        )


@functools.lru_cache(maxsize=256)
def shorten(logger: str) -> str:
    """
    A logger's name in at most 39 characters where possible: packages become their first letters, from the left.

    This is logback's `%logger{39}` (https://logback.qos.ch/manual/layouts.html#logger).
    """
    parts = logger.split(".")
    for index in range(len(parts) - 1):
        if len(".".join(parts)) <= _LOGGER_MAX:
            break
        parts[index] = parts[index][:1]
    return ".".join(parts)[-LOGGER_WIDTH:]


class RequestThreads:
    """Gives each request in flight the name of a Tomcat thread, the lowest number that is free."""

    def __init__(self, app: ASGIApp, *, port: int) -> None:
        self._app = app
        self._port = port
        self._busy: set[int] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number = next(n for n in range(1, len(self._busy) + 2) if n not in self._busy)
        self._busy.add(number)
        thread_name.set(f"http-nio-{self._port}-exec-{number}")
        try:
            await self._app(scope, receive, send)
        finally:
            self._busy.discard(number)
