"""
The agent's program: reads its settings, starts its parts side by side, and ends within two seconds of SIGTERM.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import aiohttp
from aiohttp import web

from drillyard.base.clock import Clock, SystemClock
from drillyard.base.errors import DrillyardError
from drillyard.telemetry.agent.command import install_command
from drillyard.telemetry.agent.copies import Copy
from drillyard.telemetry.agent.events import EventForwarder
from drillyard.telemetry.agent.intake import Intake
from drillyard.telemetry.agent.joiner import Joiner
from drillyard.telemetry.agent.kubernetes import KubernetesApi
from drillyard.telemetry.agent.measure import Kubernetes, Measurements, named_broker
from drillyard.telemetry.agent.offsets import Offsets
from drillyard.telemetry.agent.pods import Pods
from drillyard.telemetry.agent.report import ContainerReporter
from drillyard.telemetry.agent.sender import Sender
from drillyard.telemetry.agent.settings import AgentSettings, read_agent_settings
from drillyard.telemetry.agent.spool import Spool
from drillyard.telemetry.agent.stats import Stats
from drillyard.telemetry.agent.tail import Line, Source
from drillyard.telemetry.agent.tailer import Tailer

POLL_S = 0.1
SCAN_EVERY = 5
"""Polls between two looks for new files."""
STATS_EVERY_S = 1.0
CHECK_RETRY_S = 1.0


def main(argv: Sequence[str] = ()) -> int:
    """Runs until SIGTERM. 0 after an orderly end, 1 when it cannot start."""
    try:
        settings = read_agent_settings(os.environ)
        settings.run_folder.mkdir(parents=True, exist_ok=True)
        if settings.command_folder:
            install_command(settings.command_folder)
        asyncio.run(_run(settings))
    except DrillyardError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The agent cannot run: {error}.", file=sys.stderr)
        return 1
    return 0


async def _run(settings: AgentSettings) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    async with aiohttp.ClientSession() as session:
        agent = Agent(settings, session, SystemClock())
        async with agent.health():
            tasks = [asyncio.create_task(part) for part in agent.parts()]
            ending = asyncio.create_task(stopped.wait())
            done, _ = await asyncio.wait([*tasks, ending], return_when=asyncio.FIRST_COMPLETED)
            for task in [*tasks, ending]:
                task.cancel()
            await asyncio.gather(*tasks, ending, return_exceptions=True)
            agent.close()
            for task in done - {ending}:  # A part never ends by itself: this is a bug or a full disk.
                task.result()


class Agent:
    """The parts and what they share. Must be closed."""

    def __init__(self, settings: AgentSettings, session: aiohttp.ClientSession, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        run = settings.run_folder
        self._stats = Stats(
            started_ms=int(time.time() * 1000),
            logs_url=settings.logs_url,
            hostname=settings.hostname,
            cluster_name=settings.cluster_name,
        )
        self._intake = Intake(session, settings.api_key)
        self._offsets = Offsets(run / "offsets.json")
        self._spool = Spool(run / "buffer")
        self._tailer = Tailer(settings.pod_logs, self._offsets)
        self._pods = Pods(clock, settings.cluster_name, settings.rules)
        self._joiner = Joiner(clock)
        self._copies = [Copy(one, Intake(session, one.api_key), run, clock) for one in settings.copies]
        self._sender = Sender(
            self._intake,
            settings.logs_url,
            settings.hostname,
            self._spool,
            self._offsets,
            self._stats,
            clock,
            self._copies,
        )
        self._events = EventForwarder(
            self._intake, settings.api_url, settings.hostname, self._pods, run / "events.json", self._stats, clock
        )
        self._reporter = ContainerReporter(
            self._intake, settings.api_url, settings.hostname, settings.cluster_name, self._pods, clock
        )
        self._kubernetes = KubernetesApi(session, settings.kubernetes_url, settings.service_account, clock)
        self._counted = Kubernetes(self._kubernetes if settings.kubernetes_url else None)
        self._measurements = Measurements(
            self._intake,
            settings.api_url,
            settings.hostname,
            settings.cluster_name,
            self._pods,
            self._counted,
            clock,
            settings.check_interval_s,
            session,
            named_broker(settings.management_url, settings.cluster_name),
        )
        self._checked = False
        self._saved_stats = Stats()
        self._held: list[Line] = []

    def parts(self) -> list[Coroutine[Any, Any, None]]:
        """What runs side by side, each for ever."""
        parts: list[Coroutine[Any, Any, None]] = [
            self._check_intake(),
            self._tail(),
            self._sender.run(),
            self._keep_stats(),
        ]
        parts += [self._measurements.run(), *(copy.run() for copy in self._copies)]
        if self._settings.kubernetes_url:
            parts += [
                *(self._kubernetes.follow(path, objects) for path, objects in self._counted.followed()),
                self._kubernetes.follow("/api/v1/pods", self._pods),
                self._kubernetes.follow("/api/v1/events", self._events),
                self._events.run(),
                self._reporter.run(),
            ]
        return parts

    @property
    def ready(self) -> bool:
        """Whether the pods are known and the intake took our key."""
        return self._checked and (self._pods.known or not self._settings.kubernetes_url)

    @contextlib.asynccontextmanager
    async def health(self) -> AsyncIterator[None]:
        """Answers /health, /ready (200 or 503) and /live while the block runs."""

        async def ready(_: web.Request) -> web.Response:
            return web.json_response({"ready": self.ready}, status=200 if self.ready else 503)

        async def live(_: web.Request) -> web.Response:
            return web.json_response({"live": True})

        app = web.Application()
        app.add_routes([web.get("/health", ready), web.get("/ready", ready), web.get("/live", live)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._settings.host, self._settings.port).start()
            yield
        finally:
            await runner.cleanup()

    def close(self) -> None:
        """Keeps on the disk what has been read and not sent, lets the files go, writes the last figures."""
        self._held = self._hand_over(self._held)
        for line in self._joiner.rest():
            self._send(line)
        self._sender.buffer()
        self._tailer.close()
        with contextlib.suppress(OSError):
            self._save_stats()

    async def _check_intake(self) -> None:
        while not await self._intake.valid(self._settings.api_url):
            await self._clock.sleep(CHECK_RETRY_S)
        self._checked = True
        await asyncio.Event().wait()

    async def _tail(self) -> None:
        polls = 0
        while True:
            if polls % SCAN_EVERY == 0:
                self._tailer.scan()
            polls += 1
            if not self._sender.full:
                self._held = self._hand_over(self._held)
            # A container that writes much is read on at once; the others' turn comes between.
            await self._clock.sleep(0 if self._tailer.behind and not self._sender.full else POLL_S)

    def _hand_over(self, held: list[Line]) -> list[Line]:
        """Gives lines to the sender; those of a pod not heard of yet are held, and behind them its later ones."""
        still: list[Line] = []
        waiting: set[Source] = set()
        for line in [*held, *self._tailer.read()]:
            origin = None if line.source in waiting else self._pods.origin(line.source)
            if origin is None:
                waiting.add(line.source)
                still.append(line)
            elif begins := origin.rules.begins:
                for whole in self._joiner.add(line, begins):
                    self._send(whole)
            else:
                self._sender.put(line, origin)
        for whole in self._joiner.ripe():
            self._send(whole)
        return still

    def _send(self, line: Line) -> None:
        """A log whose lines were held; its pod was known with the first of them."""
        origin = self._pods.origin(line.source)
        if origin is not None:
            self._sender.put(line, origin)

    async def _keep_stats(self) -> None:
        alive = self._settings.run_folder / "alive"
        while True:
            with contextlib.suppress(OSError):  # A full disk: the figures are stale, which `agent status` says.
                self._save_stats()
                alive.touch()  # Says that the figures are still true although nothing changed.
            await self._clock.sleep(STATS_EVERY_S)

    def _save_stats(self) -> None:
        stats = self._stats
        stats.open_files = self._tailer.open_files
        stats.files_beyond, stats.bytes_lost = self._tailer.files_beyond, self._tailer.bytes_lost
        stats.waiting_bytes = self._spool.waiting_bytes
        stats.copies = [copy.figures() for copy in self._copies]
        if stats != self._saved_stats:
            stats.save(self._settings.run_folder / "stats.json")
            self._saved_stats = replace(stats)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
