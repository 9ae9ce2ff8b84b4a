"""
The kubelet: runs every pod that is bound to its node, and answers what only a node knows.

It meets the rest of the cluster at the Kubernetes API alone (`Api`), so it runs against our API server in the same
process and against a real one over HTTP. Use it as `async with Kubelet(…)`, or `start` and `stop`; `stop` leaves no
process.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
from collections.abc import AsyncIterator, Iterable, Sequence
from types import TracebackType

from drillyard.base.clock import Clock, SystemClock
from drillyard.base.spawner import Spawner
from drillyard.cluster.client import (
    Api,
    ApiError,
    EventType,
    LogOptions,
    Object,
    PodNetwork,
    PodUsage,
    ProcessSession,
    StreamOptions,
    TcpConnection,
)
from drillyard.cluster.informer import Informer
from drillyard.cluster.kubelet import first_process, limits, process_tree
from drillyard.cluster.kubelet.container_runner import ContainerRunner
from drillyard.cluster.kubelet.container_state import Running, Terminated, Waiting
from drillyard.cluster.kubelet.exec_session import ExecSession
from drillyard.cluster.kubelet.images import Image, ImageCatalogue
from drillyard.cluster.kubelet.log_reader import read_log
from drillyard.cluster.kubelet.node import NodeRegistration, register_until_done
from drillyard.cluster.kubelet.pod_connection import PodConnection
from drillyard.cluster.kubelet.pod_context import NodeServices
from drillyard.cluster.kubelet.pod_worker import PodWorker
from drillyard.cluster.kubelet.runtime import Runtime, StartError
from drillyard.cluster.kubelet.settings import NodeSettings, TokenSource
from drillyard.cluster.kubelet.usage import Running as Measured
from drillyard.cluster.kubelet.usage import UsageMeter
from drillyard.cluster.recorder import EventRecorder
from drillyard.cluster.supervision import supervised

_log = logging.getLogger(__name__)
_REGISTER_TIMEOUT_S = 30.0
_STOP_GRACE_S = 1.0


class Kubelet:
    """One node. Implements `NodeAgent`."""

    def __init__(
        self,
        api: Api,
        spawner: Spawner,
        network: PodNetwork,
        images: Iterable[Image],
        settings: NodeSettings,
        *,
        clock: Clock | None = None,
        tokens: TokenSource | None = None,
    ) -> None:
        self._api, self._network, self._settings, self._tokens = api, network, settings, tokens
        self._clock: Clock = clock or SystemClock()
        catalogue = ImageCatalogue(images)
        self._services = Informer(api, "services", clock=self._clock)
        self._node = NodeServices(
            settings,
            Runtime(spawner),
            limits.choose(settings.folder),
            catalogue,
            self._clock,
            EventRecorder(api, "kubelet", self._clock, host=settings.name),
            lambda: list(self._services.objects.values()),
        )
        self._registration = NodeRegistration(api, settings, catalogue, self._clock, lambda: self.limits_name)
        self._pods = Informer(api, "pods", fields=f"spec.nodeName={settings.name}", clock=self._clock)
        self._pods.listen(self._pod_changed)
        self._workers: dict[str, PodWorker] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._log_removals: set[asyncio.Task[None]] = set()
        self._usage = UsageMeter(self._clock)
        self._spawner = spawner

    async def start(self) -> None:
        """Registers the node and takes up its pods. Raises TimeoutError after 30 s without an API server."""
        for folder in (self._settings.pods_folder, self._settings.logs_folder):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (self._settings.folder, self._settings.pods_folder):
            folder.chmod(0o711)  # A store that runs as another user goes through, and sees nothing.
        await register_until_done(self._registration, self._clock, timeout_s=_REGISTER_TIMEOUT_S)
        for name, work in (
            ("services", self._services.run),
            ("pods", self._run_pods),
            ("heartbeat", self._registration.keep_alive),
        ):
            self._tasks.append(supervised(f"kubelet: {name}", work, self._clock))
        async with asyncio.timeout(_REGISTER_TIMEOUT_S):
            await self._pods.synced.wait()
        self._forget_old_folders()

    async def stop(self, grace_s: float = _STOP_GRACE_S) -> None:
        """Ends every container: TERM, so many seconds, KILL. The pods' objects stay. Harmless twice."""
        tasks = [*self._tasks, *self._log_removals]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()
        workers = list(self._workers.values())
        self._workers.clear()
        await asyncio.gather(*(worker.shut_down(grace_s) for worker in workers))
        await self._node.limits.close()

    async def __aenter__(self) -> Kubelet:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # Pods

    async def _run_pods(self) -> None:
        """Services first: a pod that starts earlier would miss its service variables."""
        await self._services.synced.wait()
        await self._pods.run()

    def _pod_changed(self, change: EventType, pod: Object) -> None:
        try:
            self._take_change(change, pod)
        except Exception:  # One pod that we cannot read must not stop the others.
            _log.exception("pod %s cannot be run", pod["metadata"]["name"])

    def _take_change(self, change: EventType, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        worker = self._workers.get(uid)
        if worker is not None:
            worker.object_gone() if change == "DELETED" else worker.update(pod)
        elif change != "DELETED":
            worker = PodWorker(pod, self._api, self._node, self._network, self._tokens, self._registration.capacity)
            self._workers[uid] = worker
            worker.task.add_done_callback(lambda task: self._worker_done(uid, task))

    def _worker_done(self, uid: str, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            return
        if failed := task.exception():
            _log.error("the worker of pod %s died; starting another", uid, exc_info=failed)
        worker = self._workers.pop(uid, None)
        if worker is None:
            return
        if failed:
            revival = asyncio.create_task(self._revive(worker), name=f"revive {uid}")
        else:
            revival = asyncio.create_task(self._remove_logs(worker), name=f"logs of {uid}")
        self._log_removals.add(revival)
        revival.add_done_callback(self._log_removals.discard)

    async def _revive(self, worker: PodWorker) -> None:
        await worker.shut_down(_STOP_GRACE_S)
        await self._clock.sleep(1.0)
        for pod in list(self._pods.objects.values()):
            if pod["metadata"]["uid"] == worker.uid:
                self._pod_changed("ADDED", pod)

    async def _remove_logs(self, worker: PodWorker) -> None:
        """Later: an agent may still be reading the last lines."""
        await self._clock.sleep(self._settings.deleted_log_keep_s)
        await asyncio.to_thread(shutil.rmtree, worker.context.log_folder, ignore_errors=True)

    def _forget_old_folders(self) -> None:
        """What pods left here that are gone since."""
        for folder in self._settings.pods_folder.iterdir():
            if folder.name not in self._workers:
                shutil.rmtree(folder, ignore_errors=True)

    def _worker(self, namespace: str, pod: str) -> PodWorker:
        for worker in self._workers.values():
            if worker.namespaced_name == (namespace, pod):
                return worker
        raise ApiError(404, "NotFound", f'pod "{pod}" not found on node "{self._settings.name}"')

    # NodeAgent

    async def logs(self, namespace: str, pod: str, container: str, options: LogOptions) -> AsyncIterator[bytes]:
        """See `NodeAgent.logs`."""
        worker = self._worker(namespace, pod)
        record, runner = worker.record(container), worker.runners.get(container)
        if record is None:
            raise ApiError(400, "BadRequest", f"container {container} is not valid for pod {pod}")
        state, path, live = record.state, None, None
        pump = runner.pump if runner is not None else None
        if options.previous:
            if record.last is None or not record.last.container_id or runner is None:
                text = f'previous terminated container "{container}" in pod "{pod}" not found'
                raise ApiError(400, "BadRequest", text)
            path = pump.log.path if isinstance(state, Waiting) and pump else runner.last_log
        elif isinstance(state, Running | Terminated) or record.last is not None:
            path, live = (pump.log.path, pump.log) if pump else (None, None)
        elif isinstance(state, Waiting):
            text = f'container "{container}" in pod "{pod}" is waiting to start: {state.reason}'
            raise ApiError(400, "BadRequest", text)
        if path is None:
            raise ApiError(400, "BadRequest", f'container "{container}" in pod "{pod}" has no log')
        reading = read_log(path, options, self._clock.now(), live)
        try:
            async with contextlib.aclosing(reading) as pieces:
                async for piece in pieces:
                    yield piece
        except FileNotFoundError as gone:
            raise ApiError(500, "InternalError", f"the log of container {container} is gone") from gone

    async def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], options: StreamOptions
    ) -> ProcessSession:
        """See `NodeAgent.exec`."""
        runner = self._running(namespace, pod, container)
        assert runner.run is not None
        folders = runner.confinement.folders if runner.confinement is not None else ()
        try:
            command = first_process.lead_to(runner.run.process.pid, command)
            return await ExecSession.start(self._spawner, runner.run.launch, command, options, folders)
        except first_process.EveryProcess as every:
            text = "kill -1 would reach every process of this machine: containers share its process ids"
            raise ApiError(500, "InternalError", f"Internal error occurred: {text}") from every
        except StartError as failed:
            text = f"OCI runtime exec failed: exec failed: {failed}: unknown"
            raise ApiError(500, "InternalError", f"Internal error occurred: {text}") from failed

    async def attach(self, namespace: str, pod: str, container: str, options: StreamOptions) -> ProcessSession:
        """See `NodeAgent.attach`."""
        runner = self._worker(namespace, pod).runners.get(container)
        session = runner.attach(options) if runner is not None else None
        if session is None:
            raise _not_running(namespace, pod, container)
        return session

    async def port_forward(self, namespace: str, pod: str, port: int) -> TcpConnection:
        """See `NodeAgent.port_forward`."""
        return await PodConnection.open(self._worker(namespace, pod).context.listen.get(port))

    async def usage(self) -> Sequence[PodUsage]:
        """See `NodeAgent.usage`."""
        running = [
            Measured(*worker.namespaced_name, name, run.process.pid, run.started_at)
            for worker in self._workers.values()
            for name, runner in worker.runners.items()
            if (run := runner.run) is not None
        ]
        return await asyncio.to_thread(self._usage.measure, running)

    # Capabilities of this node that a cluster's API does not have

    @property
    def limits_name(self) -> str:
        """Which way of limiting is in force: `cgroup v2`, `cgroup v1` or `sampler`."""
        return self._node.limits.name

    def freeze(self, namespace: str, pod: str) -> None:
        """Stops every process of the pod where it is (SIGSTOP). ApiError 404 when the pod is not here."""
        self._signal_all(namespace, pod, signal.SIGSTOP)

    def thaw(self, namespace: str, pod: str) -> None:
        """Lets them go on (SIGCONT). Harmless when nothing is frozen."""
        self._signal_all(namespace, pod, signal.SIGCONT)

    def _signal_all(self, namespace: str, pod: str, number: signal.Signals) -> None:
        processes = process_tree.snapshot()
        for runner in self._worker(namespace, pod).runners.values():
            if runner.run is None:
                continue
            if runner.confinement is not None:
                runner.confinement.frozen(number == signal.SIGSTOP)
            runner.run.process.signal(number, session=True)
            for process in process_tree.tree(runner.run.process.pid, processes)[1:]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, number)

    def _running(self, namespace: str, pod: str, container: str) -> ContainerRunner:
        runner = self._worker(namespace, pod).runners.get(container)
        if runner is None or runner.run is None:
            raise _not_running(namespace, pod, container)
        return runner


def _not_running(namespace: str, pod: str, container: str) -> ApiError:
    text = f'unable to upgrade connection: container not found ("{container}")'
    return ApiError(500, "InternalError", text)
