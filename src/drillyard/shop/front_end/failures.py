"""
Failures as the original's Express error handler writes them: `{"message": …, "error": {…}}` with a status, mostly 500.
"""

from __future__ import annotations

import errno
from typing import Any

import orjson
from starlette.responses import Response
from yarl import URL

from drillyard.shop.http_client import CallFailed, ConnectTimedOut, NotConnected, TimedOut


class Failure(Exception):
    """A request that ends in the error handler; `error` holds what Node would show of the error object."""

    def __init__(self, message: str, *, status: int = 500, error: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.error = error or {}

    def answer(self) -> Response:
        """The error handler's answer."""
        body = orjson.dumps({"message": self.message, "error": self.error})
        return Response(body, self.status, headers={"content-type": "application/json; charset=utf-8"})


_NODE_ERRNO = {
    "ECONNREFUSED": -111,
    "ECONNRESET": -104,
    "EHOSTUNREACH": -113,
    "ENETUNREACH": -101,
    "ETIMEDOUT": -110,
    "ENOTFOUND": -3008,
}


def unreachable(problem: CallFailed, url: URL) -> Failure:
    """What Node's request library would have said of a call that got no answer."""
    host, port = url.host or "", url.port or 80
    if isinstance(problem, ConnectTimedOut):
        return _system_failure("ETIMEDOUT", "connect", host, port)
    if isinstance(problem, TimedOut):
        return Failure("ESOCKETTIMEDOUT", error={"code": "ESOCKETTIMEDOUT", "connect": False})
    if not isinstance(problem, NotConnected):
        return Failure("socket hang up", error={"code": "ECONNRESET"})
    cause = _system_error(problem)
    if cause is None or cause.errno is None or cause.errno < 0:  # getaddrinfo's errors are negative.
        error = {"errno": _NODE_ERRNO["ENOTFOUND"], "code": "ENOTFOUND", "syscall": "getaddrinfo", "hostname": host}
        return Failure(f"getaddrinfo ENOTFOUND {host}", error=error)
    return _system_failure(errno.errorcode.get(cause.errno, "EIO"), "connect", host, port)


def _system_failure(code: str, syscall: str, host: str, port: int) -> Failure:
    error = {"errno": _NODE_ERRNO.get(code, -5), "code": code, "syscall": syscall, "address": host, "port": port}
    return Failure(f"{syscall} {code} {host}:{port}", error=error)


def _system_error(problem: BaseException) -> OSError | None:
    """The system's own error at the bottom of what the libraries raised; of several attempts the first."""
    seen: BaseException | None = problem
    while seen is not None:
        if isinstance(seen, BaseExceptionGroup):
            seen = seen.exceptions[0]
            continue
        if isinstance(seen, OSError) and seen.errno is not None:
            return seen
        seen = seen.__cause__ or seen.__context__
    return None
