"""
The life of one container: image, configuration, start, end, and (by the pod's restart policy) all over again.

The first restart is immediate, later ones wait longer and longer (CrashLoopBackOff), as in Kubernetes. The runner never
raises: what goes wrong with a container is in its record and its events, and a bug of ours is logged and the container
tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from datetime import datetime
from pathlib import Path

from drillyard.cluster.client import Object, StreamOptions
from drillyard.cluster.kubelet.attach_session import AttachSession
from drillyard.cluster.kubelet.backoff import Backoff, go_duration
from drillyard.cluster.kubelet.container_health import ContainerHealth
from drillyard.cluster.kubelet.container_log import ContainerLog
from drillyard.cluster.kubelet.container_state import ContainerRecord, Running, Terminated, Waiting
from drillyard.cluster.kubelet.environment import ConfigError
from drillyard.cluster.kubelet.image_pull import ImagePull
from drillyard.cluster.kubelet.launch import launch_of
from drillyard.cluster.kubelet.limits.backend import Confinement
from drillyard.cluster.kubelet.log_pump import Pump
from drillyard.cluster.kubelet.pod_context import EventKind, PodContext
from drillyard.cluster.kubelet.runtime import START_FAILED, ContainerRun, Launch, StartError
from drillyard.cluster.kubelet.volumes import MountError

_log = logging.getLogger(__name__)
_BUG_PAUSE_S = 1.0
_CONFIG_RETRY_S = 10.0
_POST_START_S = 30.0
_ATTACH_WAIT_S = 3.0
_CPU_FREE_S = 10.0


class ContainerRunner:
    """Runs one container of a pod until it is done (by `restart_policy`) or stopped."""

    def __init__(self, container: Object, record: ContainerRecord, context: PodContext, restart_policy: str) -> None:
        self.container, self.record, self.context = container, record, context
        self.started = asyncio.Event()  # Its startup probe, if any, has passed once.
        self.run: ContainerRun | None = None
        self.confinement: Confinement | None = None
        self.pump: Pump | None = None
        self.last_log: Path | None = None
        self._policy = restart_policy
        kind = "initContainers" if record.is_init else "containers"
        self._path = f"spec.{kind}{{{record.name}}}"
        self._pull = ImagePull(container, record, context, self._path)
        self._backoff = Backoff(context.node.settings.backoff_scale, first_free=True)
        self._health: ContainerHealth | None = None
        self._attached = asyncio.Event()
        self._stopping = self._killing = False
        self._killer: asyncio.Task[None] | None = None
        name = f"container {context.label} {record.name}"
        self.task: asyncio.Task[None] = asyncio.create_task(self._live(), name=name)

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

    def attach(self, options: StreamOptions) -> AttachSession | None:
        """Joins the container's streams; None when it does not run."""
        if self.pump is None or self.pump.ended.done():
            return None
        session = AttachSession(self.pump, options, stdin_once=bool(self.container.get("stdinOnce")))
        self._attached.set()
        return session

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

    # One run

    async def _run_once(self) -> Terminated:
        """From the image to the end of the process."""
        launch = await self._configured()
        self.confinement = confinement = self.context.node.limits.confine(
            self.context.pod["metadata"]["uid"], self.container
        )
        try:
            run = await self._started(launch, confinement)
            return run if isinstance(run, Terminated) else await self._watched(run, confinement)
        finally:
            self.run, self._killing = None, False
            await confinement.release()

    async def _configured(self) -> Launch:
        """Waits until image and configuration are there."""
        while True:
            image = await self._pull.image()
            try:
                return await launch_of(self.container, image, self.context)
            except (ConfigError, MountError) as refused:
                self.record.state = Waiting("CreateContainerConfigError", str(refused))
                self.context.publish()
                await self._event("Warning", "Failed", f"Error: {refused}")
                await self.context.node.clock.sleep(_CONFIG_RETRY_S * self.context.node.settings.backoff_scale)

    async def _started(self, launch: Launch, confinement: Confinement) -> ContainerRun | Terminated:
        pump = self.pump = self._new_pump()
        if self.container.get("stdin") and self.container.get("stdinOnce"):
            await self._wait_for_client()
        try:
            run = await self.context.node.runtime.start(launch, pump, self._now(), confinement.folders)
        except StartError as failed:
            reason = "failed to create containerd task: failed to create shim task: OCI runtime create failed"
            text = f"{reason}: runc create failed: {failed}"
            await self._event("Warning", "Failed", f"Error: {text}")
            return self._ended(Terminated(START_FAILED, "StartError", None, self._now(), message=text))
        except BaseException:
            pump.close(START_FAILED)
            raise
        self.run = run
        confinement.started(run.process.pid)
        self.record.state, self.record.container_id = Running(run.started_at), run.container_id
        return run

    async def _watched(self, run: ContainerRun, confinement: Confinement) -> Terminated:
        """From the start of the process to its end."""
        health = self._health = ContainerHealth(
            self.container, self.record, self.context, run, self._event, self._restart
        )
        health.started = self.started
        settling = asyncio.create_task(self._settle(confinement))
        try:
            health.begin()
            self.context.publish()
            await self._event("Normal", "Created", f"Created container: {self.record.name}")
            await self._event("Normal", "Started", f"Started container {self.record.name}")
            await self._post_start(health)
            code = await run.wait()
        except BaseException:
            run.process.signal(signal.SIGKILL, session=True)
            run.pump.close(128 + signal.SIGKILL)
            raise
        finally:
            settling.cancel()
            await health.stop()
        killed = code == 128 + signal.SIGKILL and confinement.out_of_memory()
        reason = "OOMKilled" if killed else "Completed" if code == 0 else "Error"
        return self._ended(Terminated(code, reason, run.started_at, self._now(), run.container_id))

    async def _wait_for_client(self) -> None:
        """
        Holds the process back until somebody is attached, at most 3 s, while the container is shown as running.

        `kubectl run -it` attaches only once the pod is ready; what a short command prints before that would be lost.
        """
        self.record.state, self.record.started, self.record.ready = Running(self._now()), True, True
        self.context.publish()
        waiting = asyncio.ensure_future(self._attached.wait())
        late = asyncio.ensure_future(self.context.node.clock.sleep(_ATTACH_WAIT_S))
        try:
            await asyncio.wait({waiting, late}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            late.cancel()

    async def _settle(self, confinement: Confinement) -> None:
        """A start may use the whole machine; the CPU limit holds once the container has come up, or after 10 s."""
        clock = self.context.node.clock
        until_s = clock.monotonic_s() + _CPU_FREE_S
        while not self.record.ready and clock.monotonic_s() < until_s:
            await clock.sleep(0.2)
        confinement.settled()

    def _new_pump(self) -> Pump:
        """Of earlier runs' logs, the one before stays, for `kubectl logs --previous`."""
        folder = self.context.log_folder / self.record.name
        for old in folder.glob(f"{self.record.restarts - 2}.log*"):
            old.unlink(missing_ok=True)
        if self.pump is not None:
            self.last_log = self.pump.log.path
        log = ContainerLog(folder / f"{self.record.restarts}.log")
        return Pump(log, stdin=bool(self.container.get("stdin")), tty=bool(self.container.get("tty")))

    def _ended(self, ended: Terminated) -> Terminated:
        self.record.state, self.record.ready, self.record.started = ended, False, False
        if self.record.is_init:
            self.record.ready = ended.exit_code == 0
        self.context.publish()
        return ended

    # The end

    def _restart(self, message: str) -> None:
        """Not in the probe's own task: that ends with the process."""
        grace_s = float(self.context.pod["spec"].get("terminationGracePeriodSeconds", 30))
        self._killer = asyncio.create_task(self._kill(grace_s, message))

    async def _kill(self, grace_s: float, message: str) -> None:
        run, clock = self.run, self.context.node.clock
        if run is None or self._killing:
            return
        self._killing = True
        await self._event("Normal", "Killing", message)
        deadline_s = clock.monotonic_s() + grace_s
        hook = (self.container.get("lifecycle") or {}).get("preStop")
        if hook and grace_s > 0 and self._health is not None:
            problem = await self._health.hook(hook, grace_s)
            if problem:
                await self._event("Warning", "FailedPreStopHook", f"PreStopHook failed: {problem}")
        run.process.signal(signal.SIGTERM)
        ended = asyncio.ensure_future(run.process.wait())
        late = asyncio.ensure_future(clock.sleep(max(0.0, deadline_s - clock.monotonic_s())))
        try:
            await asyncio.wait({ended, late}, return_when=asyncio.FIRST_COMPLETED)
            run.process.signal(signal.SIGKILL, session=True)
            await ended
        finally:
            ended.cancel()
            late.cancel()

    async def _post_start(self, health: ContainerHealth) -> None:
        hook = (self.container.get("lifecycle") or {}).get("postStart")
        problem = await health.hook(hook, _POST_START_S) if hook else ""
        if problem:
            await self._event("Warning", "FailedPostStartHook", f"PostStartHook failed: {problem}")
            self._restart("FailedPostStartHook")

    async def _event(self, type: EventKind, reason: str, message: str) -> None:
        await self.context.event(type, reason, message, self._path)

    def _now(self) -> datetime:
        return self.context.node.clock.now()
