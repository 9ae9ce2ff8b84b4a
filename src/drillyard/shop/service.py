"""
How every service of the shop is run: settings from the environment, one HTTP server, a graceful end.

    @dataclass(frozen=True, kw_only=True)
    class FrontEndSettings:
        host: str = settings.text("127.0.0.1")
        port: int = settings.whole(8079, least=0, most=65535)

    def main(argv: Sequence[str] = ()) -> int:
        return service.run(FrontEndSettings, serve_front_end, argv)

    def serve_front_end(settings: FrontEndSettings) -> int:
        ...
        return service.serve(app, host=settings.host, port=settings.port, announce=lambda port: log.info(...))

`serve` answers from the moment it calls `announce`, whatever state the service's stores are in. On SIGTERM or SIGINT it
stops listening at once, lets requests in flight finish for `DRAIN_S`, cancels the rest, runs the application's lifespan
shutdown, and returns 0; after `END_S` the process is ended whatever still hangs. The app should be a Starlette
application whose lifespan opens and closes what it needs; wrap it with `drillyard.shop.tracing.TracingMiddleware`
outermost and `drillyard.shop.metrics.MetricsMiddleware` next. Nothing here runs at import time: services are forked
from a process that imported them beforehand.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import uvicorn
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp

from drillyard.base.bounded_http import BoundedHttp
from drillyard.base.errors import DrillyardError, SettingError
from drillyard.shop.settings import described, from_environment
from drillyard.shop.span_export import exporting

DRAIN_S = 1
END_S = 1.8
BODY_BYTES_MAX = 1 << 20
BODY_TIMEOUT_S = 30
KEEP_ALIVE_S = 75  # Longer than any client of ours keeps an idle connection, so that no request meets a closing one.
BAD_SETTING_EXIT = 2
FILES_WANTED = 16_384

Settings = TypeVar("Settings")


class BodyTooLarge(Exception):
    """A request body of more than BODY_BYTES_MAX bytes."""


async def read_body(request: Request) -> bytes:
    """The whole body. Raises BodyTooLarge, and HTTPException 408 when it does not arrive within BODY_TIMEOUT_S."""
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for part in request.stream():
                size += len(part)
                if size > BODY_BYTES_MAX:
                    raise BodyTooLarge
                parts.append(part)
    except TimeoutError:
        raise HTTPException(408, "The request body did not arrive in time") from None
    return b"".join(parts)


def run(settings_type: type[Settings], start: Callable[[Settings], int], argv: Sequence[str]) -> int:
    """
    Reads the settings and starts; `--help` lists them. A mendable problem is one sentence on stderr; a bad setting
    and any other argument are exit code 2.
    """
    if "--help" in argv or "-h" in argv:
        sys.stdout.write(described(settings_type))
        return 0
    try:
        if argv:
            raise SettingError(
                f"This service takes no arguments, but got {argv[0]!r}.", hint="--help lists its settings."
            )
        settings = from_environment(settings_type, os.environ)
    except DrillyardError as problem:
        _complain(problem)
        return BAD_SETTING_EXIT
    try:
        return start(settings)
    except DrillyardError as problem:
        _complain(problem)
        return 1


def _complain(problem: DrillyardError) -> None:
    sys.stderr.write(f"{problem}\n")
    sys.stderr.flush()


def serve(app: ASGIApp, *, host: str, port: int, announce: Callable[[int], None]) -> int:
    """
    Serves until SIGTERM or SIGINT, then returns 0; 1 when the application's own start failed.

    `announce` gets the port once connections are accepted; with port 0 it is the one that the system chose.
    Raises DrillyardError when the address cannot be listened on.
    """
    _allow_many_connections()
    listener = _listen(host, port)
    config = uvicorn.Config(
        app,
        lifespan="on",
        loop="asyncio",
        http=BoundedHttp,
        ws="none",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
    )
    server = _Server(config, lambda: announce(port or listener.getsockname()[1]))
    try:
        asyncio.run(_serve(server, listener))
    finally:
        listener.close()
        server.ended_in_time()
    return 0 if server.started else 1


async def _serve(server: _Server, listener: socket.socket) -> None:
    async with exporting():
        await server.serve(sockets=[listener])


def _allow_many_connections() -> None:
    """As many open files as the system lets us have: the usual soft limit of 1,024 is one flood of idle clients."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_WANTED if hard == resource.RLIM_INFINITY else min(hard, FILES_WANTED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(2048)
        except OSError:
            listener.close()
            raise
    except OSError as problem:
        raise DrillyardError(
            f"Cannot listen on {host}:{port}: {problem.strerror or problem}.",
            hint="Set HOST and PORT to an address of this machine that is free.",
        ) from problem
    return listener


def _leave() -> None:
    """Ends the process at once: closing a connection to a frozen server, for one, may take seconds."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


class _Server(uvicorn.Server):
    """uvicorn's server, which by itself wakes ten times a second and ends by the signal, not with an exit code."""

    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce
        self._stop: asyncio.Event | None = None
        self._last_resort = threading.Timer(END_S, _leave)
        self._last_resort.daemon = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _end(self) -> None:
        if not self.should_exit:
            self.should_exit = True
            self._last_resort.start()
        if self._stop is not None:
            self._stop.set()

    def ended_in_time(self) -> None:
        """Takes the last resort back."""
        self._last_resort.cancel()

    async def main_loop(self) -> None:
        assert self._stop is not None
        self._announce()
        seconds = 0
        while not await self.on_tick(seconds * 10):  # Its counter is in tenths; it renews the Date header on tens.
            seconds += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), timeout=1)
