"""
Failures as the original's Express error handler writes them: `{"message": …, "error": {…}}` with a status, mostly 500.
"""

from __future__ import annotations

import errno
from typing import Any

import httpx
import orjson
from starlette.responses import Response


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


def unreachable(problem: httpx.HTTPError, url: httpx.URL) -> Failure:
    """What Node's request library would have said of a call that got no answer."""
    port = url.port or (443 if url.scheme == "https" else 80)
    if isinstance(problem, httpx.ConnectTimeout):
        return _system_failure("ETIMEDOUT", "connect", url.host, port)
    if isinstance(problem, httpx.TimeoutException):
        return Failure("ESOCKETTIMEDOUT", error={"code": "ESOCKETTIMEDOUT", "connect": False})
    if not isinstance(problem, httpx.ConnectError):
        return Failure("socket hang up", error={"code": "ECONNRESET"})
    cause = _system_error(problem)
    if cause is None or cause.errno is None or cause.errno < 0:  # getaddrinfo's errors are negative.
        error = {"errno": _NODE_ERRNO["ENOTFOUND"], "code": "ENOTFOUND", "syscall": "getaddrinfo", "hostname": url.host}
        return Failure(f"getaddrinfo ENOTFOUND {url.host}", error=error)
    return _system_failure(errno.errorcode.get(cause.errno, "EIO"), "connect", url.host, port)


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
