"""
The life of one container: image, configuration, start, probes, end, and (by the pod's restart policy) all over again.

The first restart is immediate, later ones wait longer and longer (CrashLoopBackOff), as in Kubernetes. The runner never
raises: what goes wrong with a container is in its record and its events, and a bug of ours is logged and the container
tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from drillyard.cluster.client import Object
from drillyard.cluster.kubelet import probes
from drillyard.cluster.kubelet.backoff import Backoff, go_duration
from drillyard.cluster.kubelet.container_log import ContainerLog
from drillyard.cluster.kubelet.container_state import ContainerRecord, Running, Terminated, Waiting
from drillyard.cluster.kubelet.environment import ConfigError
from drillyard.cluster.kubelet.image_pull import ImagePull
from drillyard.cluster.kubelet.launch import launch_of
from drillyard.cluster.kubelet.pod_context import EventKind, PodContext
from drillyard.cluster.kubelet.probes import Outcome, ProbeKind
from drillyard.cluster.kubelet.runtime import ContainerRun, StartError
from drillyard.cluster.kubelet.volumes import MountError

_log = logging.getLogger(__name__)
_BUG_PAUSE_S = 1.0
_CONFIG_RETRY_S = 10.0
_START_FAILED = 128


class ContainerRunner:
    """Runs one container of a pod until it is done (by `restart_policy`) or stopped."""

    def __init__(self, container: Object, record: ContainerRecord, context: PodContext, restart_policy: str) -> None:
        self.container, self.record, self.context = container, record, context
        self.started = asyncio.Event()  # Its startup probe, if any, has passed once.
        self.run: ContainerRun | None = None
        self.current_log: tuple[Path, ContainerLog | None] | None = None
        self.last_log: Path | None = None
        self._policy = restart_policy
        kind = "initContainers" if record.is_init else "containers"
        self._path = f"spec.{kind}{{{record.name}}}"
        self._pull = ImagePull(container, record, context, self._path)
        self._backoff = Backoff(context.node.settings.backoff_scale, first_free=True)
        self._stopping = False
        self._killing = False
        self._killer: asyncio.Task[None] | None = None
        self.task: asyncio.Task[None] = asyncio.create_task(
            self._live(), name=f"container {context.label} {record.name}"
        )

    async def stop(self, grace_s: float) -> None:
        """Ends the container for good: TERM, grace, KILL of everything in its session. Harmless twice."""
        self._stopping = True
        if self.run is not None:
            await self._kill(grace_s, f"Stopping container {self.record.name}")
            with contextlib.suppress(asyncio.CancelledError):
                await self.task
            return
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.task
        if isinstance(self.record.state, Waiting) and self.record.last is not None:
            self.record.state = self.record.last

    async def _live(self) -> None:
        while True:
            try:
                await self._run_until_done()
                return
            except asyncio.CancelledError:
                raise
            except Exception:
                _log.exception("container %s of pod %s: a bug; trying again", self.record.name, self.context.label)
                await self.context.node.clock.sleep(_BUG_PAUSE_S)

    async def _run_until_done(self) -> None:
        while not self._stopping:
            began_s = self.context.node.clock.monotonic_s()
            ended = await self._run_once()
            if self._stopping or self._policy == "Never" or (self._policy == "OnFailure" and ended.exit_code == 0):
                return
            await self._wait_out(self._backoff.next_s(self.context.node.clock.monotonic_s() - began_s), ended)
            self.record.last = ended
            self.record.restarts += 1

    async def _wait_out(self, delay_s: float, ended: Terminated) -> None:
        if delay_s <= 0:
            return
        name, label = self.record.name, self.context.label
        text = f"back-off {go_duration(delay_s)} restarting failed container={name} pod={label}"
        self.record.last, self.record.state = ended, Waiting("CrashLoopBackOff", text)
        self.context.publish()
        await self._event("Warning", "BackOff", f"Back-off restarting failed container {name} in pod {label}")
        await self.context.node.clock.sleep(delay_s)

    async def _run_once(self) -> Terminated:
        """From the image to the end of the process."""
        run = await self._start()
        if isinstance(run, Terminated):
            return run
        watching = self._watch_probes(run)
        try:
            await self._post_start(run)
            code = await run.wait()
        except asyncio.CancelledError:
            run.process.signal(signal.SIGKILL, session=True)
            run.pump.close()
            raise
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
        self.run, self._killing = None, False
        self.current_log = (run.log.path, None)
        reason = "Completed" if code == 0 else "Error"
        return self._ended(Terminated(code, reason, run.started_at, self._now(), run.container_id))

    async def _start(self) -> ContainerRun | Terminated:
        log: ContainerLog | None = None
        while True:
            image = await self._pull.image()
            try:
                launch = await launch_of(self.container, image, self.context)
                log = self._new_log()
                run = await self.context.node.runtime.start(launch, log, self._now())
                break
            except (ConfigError, MountError) as refused:
                self.record.state = Waiting("CreateContainerConfigError", str(refused))
                self.context.publish()
                await self._event("Warning", "Failed", f"Error: {refused}")
                await self.context.node.clock.sleep(_CONFIG_RETRY_S * self.context.node.settings.backoff_scale)
            except StartError as failed:
                text = (
                    f"failed to create containerd task: failed to create shim task: OCI runtime create failed: {failed}"
                )
                await self._event("Warning", "Failed", f"Error: {text}")
                if log is not None:
                    self.current_log = (log.path, None)
                return self._ended(Terminated(_START_FAILED, "StartError", None, self._now(), message=text))
        self.run = run
        self.current_log = (log.path, log)
        record = self.record
        record.state, record.container_id = Running(run.started_at), run.container_id
        record.started = not self.container.get("startupProbe")
        record.ready = record.started and not self.container.get("readinessProbe")
        if record.started:
            self.started.set()
        self.context.publish()
        await self._event("Normal", "Created", f"Created container: {record.name}")
        await self._event("Normal", "Started", f"Started container {record.name}")
        return run

    def _new_log(self) -> ContainerLog:
        """Of earlier runs, the one before stays, for `kubectl logs --previous`."""
        folder = self.context.log_folder / self.record.name
        for old in folder.glob(f"{self.record.restarts - 2}.log*"):
            old.unlink(missing_ok=True)
        if self.current_log is not None:
            self.last_log = self.current_log[0]
        return ContainerLog(folder / f"{self.record.restarts}.log")

    def _ended(self, ended: Terminated) -> Terminated:
        self.record.state, self.record.ready, self.record.started = ended, False, False
        if self.record.is_init:
            self.record.ready = ended.exit_code == 0
        self.context.publish()
        return ended

    async def _kill(self, grace_s: float, message: str) -> None:
        run = self.run
        if run is None or self._killing:
            return
        self._killing = True
        await self._event("Normal", "Killing", message)
        clock = self.context.node.clock
        deadline_s = clock.monotonic_s() + grace_s
        hook = (self.container.get("lifecycle") or {}).get("preStop")
        if hook and grace_s > 0:
            problem = await self._hook(run, hook, grace_s)
            if problem:
                await self._event("Warning", "FailedPreStopHook", f"PreStopHook failed: {problem}")
        run.process.signal(signal.SIGTERM)
        await self._end_by(run, deadline_s)

    async def _end_by(self, run: ContainerRun, deadline_s: float) -> None:
        ended = asyncio.ensure_future(run.process.wait())
        late = asyncio.ensure_future(
            self.context.node.clock.sleep(max(0.0, deadline_s - self.context.node.clock.monotonic_s()))
        )
        try:
            await asyncio.wait({ended, late}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                run.process.signal(signal.SIGKILL, session=True)
                await ended
        finally:
            for task in (ended, late):
                task.cancel()

    # Probes and hooks

    def _watch_probes(self, run: ContainerRun) -> list[asyncio.Task[None]]:
        container = self.container
        if container.get("startupProbe"):
            return [self._watch("Startup", container["startupProbe"], run)]
        return self._watch_health(run)

    def _watch_health(self, run: ContainerRun) -> list[asyncio.Task[None]]:
        kinds: tuple[tuple[ProbeKind, str], ...] = (("Readiness", "readinessProbe"), ("Liveness", "livenessProbe"))
        return [self._watch(kind, self.container[key], run) for kind, key in kinds if self.container.get(key)]

    def _watch(self, kind: ProbeKind, probe: Object, run: ContainerRun) -> asyncio.Task[None]:
        async def attempt() -> Outcome:
            return await probes.ask(
                probe,
                lambda port: self.context.target(self.container, port),
                lambda command, timeout_s: self._execute(run, command, timeout_s),
            )

        async def on_failure(message: str) -> None:
            if not self._killing:
                await self._event("Warning", "Unhealthy", f"{kind} probe failed: {message}")

        async def on_change(healthy: bool) -> None:
            await self._judge(kind, healthy, run)

        async def watch() -> None:
            try:
                await probes.watch(
                    kind, probe, attempt, self.context.node.clock, on_change=on_change, on_failure=on_failure
                )
                if kind == "Startup" and self.record.started:
                    await asyncio.gather(*self._watch_health(run))
            except asyncio.CancelledError:
                raise
            except Exception:
                _log.exception("the %s probe of %s in pod %s died", kind, self.record.name, self.context.label)

        return asyncio.create_task(watch(), name=f"{kind} probe {self.context.label} {self.record.name}")

    async def _judge(self, kind: ProbeKind, healthy: bool, run: ContainerRun) -> None:
        record = self.record
        if self.run is not run:
            return
        if kind == "Readiness":
            if record.ready != healthy:
                record.ready = healthy
                self.context.publish()
        elif healthy and kind == "Startup":
            record.started, record.ready = True, not self.container.get("readinessProbe")
            self.started.set()
            self.context.publish()
        elif not healthy:
            grace_s = self.context.pod["spec"].get("terminationGracePeriodSeconds", 30)
            message = f"Container {record.name} failed {kind.lower()} probe, will be restarted"
            # Not in the probe's own task: that ends with the process.
            self._killer = asyncio.create_task(self._kill(float(grace_s), message))

    async def _execute(self, run: ContainerRun, command: Sequence[str], timeout_s: float) -> tuple[int, bytes]:
        try:
            return await self.context.node.runtime.execute(run.launch, command, timeout_s)
        except StartError as failed:
            return 1, f"OCI runtime exec failed: exec failed: {failed}".encode()

    async def _post_start(self, run: ContainerRun) -> None:
        hook = (self.container.get("lifecycle") or {}).get("postStart")
        if not hook:
            return
        problem = await self._hook(run, hook, 30.0)
        if problem:
            await self._event("Warning", "FailedPostStartHook", f"PostStartHook failed: {problem}")
            self._killer = asyncio.create_task(self._kill(0.0, "FailedPostStartHook"))

    async def _hook(self, run: ContainerRun, hook: Object, timeout_s: float) -> str:
        """Runs a lifecycle hook; returns what went wrong, "" when nothing did."""
        if sleep := hook.get("sleep"):
            await self.context.node.clock.sleep(min(float(sleep["seconds"]), timeout_s))
            return ""
        outcome = await probes.ask(
            {**hook, "timeoutSeconds": timeout_s},
            lambda port: self.context.target(self.container, port),
            lambda command, limit_s: self._execute(run, command, limit_s),
        )
        return "" if outcome.ok else outcome.message

    async def _event(self, type: EventKind, reason: str, message: str) -> None:
        await self.context.event(type, reason, message, self._path)

    def _now(self) -> datetime:
        return self.context.node.clock.now()
