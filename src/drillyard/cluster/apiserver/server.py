"""
The API server as one thing to start and stop.

    server = ApiServer(tokens={"secret": User("admin", ("system:masters",))}, ssl_context=context)
    port = await server.start("127.0.0.1", 0)
    server.join(kubelet)                # when there is a node: logs, exec, usage come from it
    api = server.api("kubelet")         # the same API for callers in this process
    ...
    await server.stop()

The certificate is the caller's; without one the server speaks plain HTTP, which some clients refuse.
"""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import logging
import random
import ssl
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from drillyard.base.clock import Clock, SystemClock
from drillyard.cluster.apiserver import bootstrap
from drillyard.cluster.apiserver.audit import AuditLog
from drillyard.cluster.apiserver.auth import Tokens, User
from drillyard.cluster.apiserver.bodies import BYTES_MAX
from drillyard.cluster.apiserver.handlers import Handlers
from drillyard.cluster.apiserver.local import LocalApi
from drillyard.cluster.apiserver.metrics import Metrics
from drillyard.cluster.apiserver.objects import Objects
from drillyard.cluster.apiserver.store import Store
from drillyard.cluster.client import NodeAgent

_log = logging.getLogger(__name__)
_http_log = logging.getLogger(f"{__name__}.http")
_SHUTDOWN_S = 0.5
_IDLE_S = 90.0  # As a real server's IdleTimeout; a request's head has no longer either.
_TLS_BUFFER_BYTES = 64 * 1024


# asyncio keeps a read buffer of 256 KiB for each TLS connection: 1,000 watches would take 300 MB.
asyncio.sslproto.SSLProtocol.max_size = _TLS_BUFFER_BYTES


class ApiServer:
    """
    A cluster's objects and their API.

    `seed` draws uids, pod names and addresses. Versions start at the clock's milliseconds, so that a client of an
    earlier run that comes back with its old version is told to list again, and never shown a gap. `audit_log` is a
    file that gets one line a request.
    """

    def __init__(
        self,
        *,
        tokens: Mapping[str, User],
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
        seed: int | None = None,
        audit_log: Path | None = None,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.store = Store(first_version=int(self.clock.now().timestamp() * 1000))
        self.objects = Objects(self.store, self.clock, random.Random(seed))
        self.tokens = Tokens.of(tokens, self.clock)
        self._metrics = Metrics(self.store)
        self._audit = AuditLog(audit_log, self.clock)
        self._handlers = Handlers(self.objects, self.tokens, self.clock, self._metrics, self._audit)
        self._ssl = ssl_context
        self._runner: web.ServerRunner | None = None
        bootstrap.fill(self.objects)

    def api(self, manager: str) -> LocalApi:
        """The API for a caller in this process; `manager` is who its writes are recorded for."""
        return LocalApi(self.objects, self._metrics, manager)

    def join(self, agent: NodeAgent) -> None:
        """Sends requests that only a node can answer to this agent."""
        self._handlers.agent = agent
        self._metrics.agent = agent

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listens, and returns the port. Raises OSError when the address is taken."""
        server = web.Server(
            self._handlers.handle,
            request_factory=_request,
            handler_cancellation=True,
            keepalive_timeout=_IDLE_S,
            access_log=None,
            logger=_http_log,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_S)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=self._ssl)
        await site.start()
        chosen: int = self._runner.addresses[0][1]
        _log.info("API server listens on %s:%d", host, chosen)
        return chosen

    async def stop(self) -> None:
        """Ends every watch, closes every connection, releases the port. Harmless twice."""
        self.store.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        self._audit.close()


def _in_one_line(record: logging.LogRecord) -> bool:
    """What is no HTTP is the client's mistake (aiohttp answers 400), and worth no traceback."""
    problem = record.exc_info[1] if record.exc_info else None
    if isinstance(problem, HttpProcessingError):
        record.msg, record.args, record.exc_info = "what came was no HTTP request: %s", (problem.message,), None
        record.levelno, record.levelname = logging.INFO, "INFO"
    return True


_http_log.addFilter(_in_one_line)


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """A request with our limit on the size of its body."""
    return web.BaseRequest(message, payload, protocol, writer, task, protocol._loop, client_max_size=BYTES_MAX)
