"""
The telemetry server: intake, store and API on one port.

Says `telemetry ready on HOST:PORT` once it answers, and ends on SIGTERM within two seconds with everything written.
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

import uvicorn

from drillyard.base.clock import SystemClock
from drillyard.base.errors import DrillyardError, SettingError
from drillyard.base.files import write_atomically
from drillyard.telemetry.api.app import build_app
from drillyard.telemetry.settings import Settings, read_settings
from drillyard.telemetry.telemetry import Telemetry

BACKLOG = 512


def main(argv: Sequence[str] = ()) -> int:
    """Runs until SIGTERM. 0 after an orderly end, 1 when it cannot start."""
    try:
        settings = read_settings(os.environ)
        with _listen(settings) as listener:
            asyncio.run(_serve(settings, listener))
    except DrillyardError as error:
        print(error, file=sys.stderr)
        return 1
    except (OSError, sqlite3.DatabaseError) as error:
        print(f"The telemetry cannot use its folder: {error}.", file=sys.stderr)
        return 1
    return 0


def _listen(settings: Settings) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingError(f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}.") from error
    return listener


async def _serve(settings: Settings, listener: socket.socket) -> None:
    telemetry = Telemetry(settings.data, SystemClock(), settings.records_max)
    try:
        config = uvicorn.Config(
            build_app(telemetry, settings),
            log_config=None,
            access_log=False,
            lifespan="off",
            loop="asyncio",
            ws="none",
            timeout_graceful_shutdown=1,
            server_header=False,
        )
        watching = asyncio.create_task(telemetry.evaluator().run())
        await _Announcing(config, settings, listener).serve(sockets=[listener])
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    finally:
        telemetry.close()


class _Announcing(uvicorn.Server):
    """Tells the world when it answers."""

    def __init__(self, config: uvicorn.Config, settings: Settings, listener: socket.socket) -> None:
        super().__init__(config)
        self._settings = settings
        self._listener = listener

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

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        port = self._listener.getsockname()[1]
        await super().startup(sockets)
        if self._settings.ready_file:
            write_atomically(self._settings.ready_file, f"{port}\n")
        print(f"telemetry ready on {self._settings.host}:{port}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
