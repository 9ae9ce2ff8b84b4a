"""
The HTTP client with which one service calls another.
"""

from __future__ import annotations

import httpx

_CONNECTIONS_MAX = 200
_IDLE_S = 5  # Shorter than our servers keep an idle connection (service.KEEP_ALIVE_S).


def http_client(timeout_s: float) -> httpx.AsyncClient:
    """
    A client whose every wait (pool, connect, write, read) ends after `timeout_s`.

    It takes no proxy or credentials from the environment, and follows no redirect: its callees are named by settings.
    """
    return httpx.AsyncClient(
        timeout=timeout_s,
        limits=httpx.Limits(max_connections=_CONNECTIONS_MAX, max_keepalive_connections=50, keepalive_expiry=_IDLE_S),
        trust_env=False,
        follow_redirects=False,
    )
