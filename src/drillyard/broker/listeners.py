"""
Listening sockets and the HTTP servers behind them.

Sockets are bound first and all together, so that a port that is taken is one clear sentence before anything starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from drillyard.base.bounded_http import BoundedHttp
from drillyard.base.errors import DrillyardError

BACKLOG = 512
GRACE_S = 1


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A listening socket; port 0 lets the system choose. Raises DrillyardError naming the setting."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise DrillyardError(
            f"Nothing can listen on {host}:{port}: {error}.", hint=f"Free the port or set {setting} (and HOST)."
        ) from error


class HttpServer(uvicorn.Server):
    """uvicorn without its own signal handlers: the owner of the loop decides when it ends."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=BoundedHttp,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._listener = listener
        self.accepting = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def run_until_told(self) -> None:
        """Serves until `should_exit` is set."""
        await self.serve(sockets=[self._listener])
