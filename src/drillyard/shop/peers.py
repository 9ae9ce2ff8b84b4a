"""
The HTTP client with which one service calls another.
"""

from __future__ import annotations

import os
import socket

import httpx

from drillyard.shop.http_transport import AiohttpTransport

_CONNECTIONS_MAX = 200
_IDLE_S = 5  # Shorter than our servers keep an idle connection (service.KEEP_ALIVE_S).


def http_client(timeout_s: float) -> httpx.AsyncClient:
    """
    A client whose every wait (pool, connect, write, read) ends after `timeout_s`.

    It takes no proxy or credentials from the environment, and follows no redirect: its callees are named by settings.
    """
    return httpx.AsyncClient(
        timeout=timeout_s,
        transport=AiohttpTransport(connections_max=_CONNECTIONS_MAX, idle_s=_IDLE_S),
        trust_env=False,
        follow_redirects=False,
    )


def reason_of(problem: BaseException) -> str:
    """The reason for a failed call in the operating system's words where it has some: `Connection refused`."""
    seen: BaseException | None = problem
    while seen is not None:
        if isinstance(seen, socket.gaierror):
            return "Name or service not known"
        if isinstance(seen, OSError) and seen.errno:
            return os.strerror(seen.errno)
        seen = seen.exceptions[0] if isinstance(seen, ExceptionGroup) else seen.__cause__ or seen.__context__
    return str(problem) or type(problem).__name__
