"""
The broker's process: settings, sockets, signals.

It is ready when every listener accepts, and says so in one line. SIGTERM ends it within two seconds, with every commit
made. Exit codes: 0 told to stop, 1 could not start or serve, 70 the storage failed (what was not confirmed is lost,
what was confirmed is not).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Sequence

from drillyard.base.clock import SystemClock, rfc3339
from drillyard.base.errors import DrillyardError
from drillyard.broker.broker import Broker
from drillyard.broker.listeners import HttpServer, listen
from drillyard.broker.management import absent, access, definitions, exchanges, health, objects, policies, queues
from drillyard.broker.management.app import build_app
from drillyard.broker.management.metrics import build_metrics_app
from drillyard.broker.protocol.connection import Connection
from drillyard.broker.protocol.handshake import PRODUCT, VERSION
from drillyard.broker.settings import BrokerSettings

EXIT_SERVER_FAILED = 1
EXIT_STORAGE_FAILED = 70
START_LIMIT_S = 10.0
_clock = SystemClock()


def event(line: str) -> None:
    """One plain line of the log. Line breaks that a name brought in are shown, not made."""
    plain = line.replace("\r", "\\r").replace("\n", "\\n")
    with contextlib.suppress(OSError):  # Whoever read the log is gone; the messages are not.
        sys.stdout.write(f"{rfc3339(_clock.now())} {plain}\n")
        sys.stdout.flush()


def main(argv: Sequence[str] = ()) -> int:
    """Runs until SIGTERM or SIGINT. Settings come from the environment; arguments are refused."""
    if argv:
        sys.stderr.write("The broker takes no arguments; see docs/broker-differences.md for its settings.\n")
        return 2
    try:
        settings = BrokerSettings.from_environment(os.environ)
        return asyncio.run(_serve(settings))
    except DrillyardError as error:
        sys.stderr.write(f"{error}\n")
        return 1


async def _serve(settings: BrokerSettings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    event(f"{PRODUCT} {VERSION}, pid {os.getpid()}, data in {settings.data}")
    sockets = _listen(settings)
    try:
        broker = Broker(settings, event)
    except BaseException:
        for listener in sockets.values():
            listener.close()
        raise
    broker.ports = {name: listener.getsockname()[1] for name, listener in sockets.items()}
    return await _run(broker, sockets, stop)


def _listen(settings: BrokerSettings) -> dict[str, socket.socket]:
    wanted = (
        ("amqp", settings.amqp_port, "AMQP_PORT"),
        ("http", settings.management_port, "MANAGEMENT_PORT"),
        ("http/prometheus", settings.metrics_port, "METRICS_PORT"),
    )
    sockets: dict[str, socket.socket] = {}
    try:
        for name, port, setting in wanted:
            sockets[name] = listen(settings.host, port, setting)
    except DrillyardError:
        for listener in sockets.values():
            listener.close()
        raise
    return sockets


async def _run(broker: Broker, sockets: dict[str, socket.socket], stop: asyncio.Event) -> int:
    loop = asyncio.get_running_loop()
    broker.start()
    rooms = (absent, access, definitions, exchanges, health, objects, policies, queues)
    management = build_app(broker, [route for room in rooms for route in room.ROUTES])
    web = [
        HttpServer(management, sockets["http"]),
        HttpServer(build_metrics_app(broker), sockets["http/prometheus"]),
    ]
    serving = [asyncio.create_task(server.run_until_told()) for server in web]
    amqp = await loop.create_server(lambda: Connection(broker), sock=sockets["amqp"])
    async with asyncio.timeout(START_LIMIT_S):
        await asyncio.gather(*(server.accepting.wait() for server in web))
    event("ready: " + ", ".join(f"{name} on {broker.settings.host}:{port}" for name, port in broker.ports.items()))
    waits = [asyncio.create_task(stop.wait()), asyncio.create_task(broker.failed.wait())]
    await asyncio.wait([*waits, *serving], return_when=asyncio.FIRST_COMPLETED)
    event("stopping")
    amqp.close()
    for server in web:
        server.should_exit = True
    await broker.stop()
    for wait in waits:
        wait.cancel()
    await asyncio.gather(*waits, *serving, return_exceptions=True)
    event("stopped")
    if broker.failed.is_set():
        return EXIT_STORAGE_FAILED
    return 0 if stop.is_set() else EXIT_SERVER_FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
