"""
The health of one run of a container: its probes at work, what they change, and its lifecycle hooks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

from drillyard.cluster.client import Object
from drillyard.cluster.kubelet import probes
from drillyard.cluster.kubelet.container_state import ContainerRecord
from drillyard.cluster.kubelet.pod_context import EventKind, PodContext
from drillyard.cluster.kubelet.probes import Outcome, ProbeKind
from drillyard.cluster.kubelet.runtime import ContainerRun, StartError

_log = logging.getLogger(__name__)

Event = Callable[[EventKind, str, str], Awaitable[None]]


class ContainerHealth:
    """
    Probes a container from its start to `stop`, and keeps `started` and `ready` of its record true.

    `restart(message)` is called when a startup or liveness probe has failed for good.
    """

    def __init__(
        self,
        container: Object,
        record: ContainerRecord,
        context: PodContext,
        run: ContainerRun,
        event: Event,
        restart: Callable[[str], None],
    ) -> None:
        self._container, self._record, self._context, self._run = container, record, context, run
        self._event, self._restart = event, restart
        self._tasks: list[asyncio.Task[None]] = []
        self.started = asyncio.Event()  # Its startup probe has passed, or it has none.

    def begin(self) -> None:
        """Sets the record as the container's first moment has it, and starts the probes that apply."""
        record, container = self._record, self._container
        record.started = not container.get("startupProbe")
        record.ready = record.started and not container.get("readinessProbe")
        if record.started:
            self.started.set()
            self._watch_running()
        else:
            self._watch("Startup", container["startupProbe"])

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def hook(self, hook: Object, timeout_s: float) -> str:
        """Runs a lifecycle hook; returns what went wrong, "" when nothing did."""
        if sleep := hook.get("sleep"):
            await self._context.node.clock.sleep(min(float(sleep["seconds"]), timeout_s))
            return ""
        outcome = await self._ask({**hook, "timeoutSeconds": timeout_s})
        return "" if outcome.ok else outcome.message

    def _watch_running(self) -> None:
        kinds: tuple[tuple[ProbeKind, str], ...] = (("Readiness", "readinessProbe"), ("Liveness", "livenessProbe"))
        for kind, key in kinds:
            if self._container.get(key):
                self._watch(kind, self._container[key])

    def _watch(self, kind: ProbeKind, probe: Object) -> None:
        async def on_failure(message: str) -> None:
            await self._event("Warning", "Unhealthy", f"{kind} probe failed: {message}")

        async def on_change(healthy: bool) -> None:
            self._judge(kind, healthy)

        async def watch() -> None:
            clock = self._context.node.clock
            try:
                await probes.watch(
                    kind, probe, lambda: self._ask(probe), clock, on_change=on_change, on_failure=on_failure
                )
            except Exception:
                _log.exception("the %s probe of %s in pod %s died", kind, self._record.name, self._context.label)

        name = f"{kind} probe {self._context.label} {self._record.name}"
        self._tasks.append(asyncio.create_task(watch(), name=name))

    def _judge(self, kind: ProbeKind, healthy: bool) -> None:
        record = self._record
        if kind == "Readiness":
            if record.ready != healthy:
                record.ready = healthy
                self._context.publish()
        elif not healthy:
            self._restart(f"Container {record.name} failed {kind.lower()} probe, will be restarted")
        elif kind == "Startup":
            record.started, record.ready = True, not self._container.get("readinessProbe")
            self.started.set()
            self._context.publish()
            self._watch_running()

    async def _ask(self, probe: Object) -> Outcome:
        return await probes.ask(probe, lambda port: self._context.target(self._container, port), self._execute)

    async def _execute(self, command: Sequence[str], timeout_s: float) -> tuple[int, bytes]:
        try:
            return await self._context.node.runtime.execute(self._run.launch, command, timeout_s)
        except StartError as failed:
            return 1, f"OCI runtime exec failed: exec failed: {failed}".encode()
