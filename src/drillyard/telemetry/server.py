"""
The telemetry server: intake, store and API on one port.

Says `telemetry ready on HOST:PORT` once it answers, and ends on SIGTERM within two seconds with everything written.
With a certificate it answers on a second port too, with TLS, for clients that speak nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from drillyard.base import heap
from drillyard.base.bounded_http import BoundedHttp
from drillyard.base.clock import SystemClock
from drillyard.base.errors import DrillyardError, SettingError
from drillyard.base.files import write_atomically
from drillyard.telemetry.api.app import build_app
from drillyard.telemetry.connect_proxy import serve_connect
from drillyard.telemetry.settings import Settings, read_settings
from drillyard.telemetry.telemetry import Telemetry

BACKLOG = 512


def main(argv: Sequence[str] = ()) -> int:
    """Runs until SIGTERM. 0 after an orderly end, 1 when it cannot start."""
    heap.share_one()  # Our threads take turns anyway.
    try:
        settings = read_settings(os.environ)
        with contextlib.ExitStack() as open_sockets:
            listeners = [open_sockets.enter_context(_listen(settings.host, port)) for port in _ports(settings)]
            asyncio.run(_serve(settings, listeners))
    except DrillyardError as error:
        print(error, file=sys.stderr)
        return 1
    except (OSError, sqlite3.DatabaseError) as error:
        print(f"The telemetry cannot use its folder: {error}.", file=sys.stderr)
        return 1
    return 0


def _ports(settings: Settings) -> list[int]:
    """Plain, then TLS, then the proxy, as far as they are wanted."""
    ports = [settings.port]
    if settings.tls_certificate:
        ports.append(settings.tls_port)
        if settings.proxy_port is not None:
            ports.append(settings.proxy_port)
    return ports


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingError(f"Cannot listen on {host}:{port}: {error.strerror}.") from error
    return listener


async def _serve(settings: Settings, listeners: list[socket.socket]) -> None:
    telemetry = Telemetry(settings.data, SystemClock(), settings.records_max)
    try:
        app = build_app(telemetry, settings)
        plain = _Announcing(_config(app, None), settings, listeners)
        watching = [asyncio.create_task(telemetry.evaluator().run())]
        if settings.tls_certificate:
            plain.beside = _Beside(_config(app, settings.tls_certificate))
            watching.append(asyncio.create_task(plain.beside.serve(sockets=[listeners[1]])))
        if len(listeners) > 2:
            watching.append(asyncio.create_task(serve_connect(listeners[2], listeners[1].getsockname())))
        await plain.serve(sockets=[listeners[0]])
        if plain.beside:
            await asyncio.wait(watching[1:2], timeout=1.0)
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
    finally:
        telemetry.close()


def _config(app: ASGIApp, certificate: Path | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        loop="asyncio",
        http=BoundedHttp,
        ws="none",
        timeout_graceful_shutdown=1,
        server_header=False,
        ssl_certfile=certificate,
    )


class _Beside(uvicorn.Server):
    """A server that another one ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Announcing(uvicorn.Server):
    """Tells the world when it answers."""

    def __init__(self, config: uvicorn.Config, settings: Settings, listeners: list[socket.socket]) -> None:
        super().__init__(config)
        self._settings = settings
        self._listeners = listeners
        self.beside: _Beside | None = None

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """An ordinary end on SIGTERM and SIGINT; uvicorn's own way raises the signal again and so ends with -15."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _end(self) -> None:
        self.should_exit = True
        if self.beside:
            self.beside.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        ports = [str(listener.getsockname()[1]) for listener in self._listeners]
        await super().startup(sockets)
        if self._settings.ready_file:
            write_atomically(self._settings.ready_file, " ".join(ports) + "\n")
        print(f"telemetry ready on {self._settings.host}:{ports[0]}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
