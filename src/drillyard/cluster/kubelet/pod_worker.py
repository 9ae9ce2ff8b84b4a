"""
One pod on this node, from its binding to its removal: address, volumes, init containers, containers, end.

A worker ends only when its pod is gone from the node. Whatever it could not do yet (volumes, an address) it tries
again, and says so in events; a bug of ours is logged and the pod's life taken up again where it stood.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from drillyard.base.errors import DrillyardError
from drillyard.cluster.client import Api, ApiError, Object, PodNetwork
from drillyard.cluster.kubelet.container_runner import ContainerRunner
from drillyard.cluster.kubelet.container_state import ContainerRecord, Terminated, Waiting
from drillyard.cluster.kubelet.environment import PodFacts, Sources
from drillyard.cluster.kubelet.pod_context import NodeServices, PodContext
from drillyard.cluster.kubelet.pod_parts import ports_of, record_of, start_time_of
from drillyard.cluster.kubelet.pod_status import compose, is_sidecar
from drillyard.cluster.kubelet.pod_upkeep import has_changing_volumes, keep_volumes_current, wait_for_deadline
from drillyard.cluster.kubelet.settings import TokenSource
from drillyard.cluster.kubelet.status_writer import StatusWriter
from drillyard.cluster.kubelet.volumes import MountError, Volumes, with_account_mount

_log = logging.getLogger(__name__)
_RETRY_S = 0.5
_BUG_PAUSE_S = 1.0
_DELETE_RETRY_S = 0.5
_GONE_GRACE_S = 1.0  # The object was deleted with force: there is nobody left to wait for.


class PodWorker:
    """Runs one pod. `update` and `object_gone` tell it what the API says; `task` ends when nothing of it is left."""

    def __init__(
        self,
        pod: Object,
        api: Api,
        node: NodeServices,
        network: PodNetwork,
        tokens: TokenSource | None,
        allocatable: Object,
    ) -> None:
        metadata = pod["metadata"]
        self.uid: str = metadata["uid"]
        self.runners: dict[str, ContainerRunner] = {}
        self._api, self._node, self._network = api, node, network
        self._object = pod
        self._pod = with_account_mount(pod, tokens=tokens is not None)
        self._deleting, self._gone = asyncio.Event(), asyncio.Event()
        self._ending = False
        self._started_at = start_time_of(pod) or node.clock.now()
        self._status: Object = {}
        self._failure: Object = {}  # Why the pod as a whole failed: reason and message.
        folder = node.settings.pods_folder / self.uid
        sources = Sources(api, metadata["namespace"])
        facts = PodFacts(self._pod, "", node.settings.name, node.settings.address, allocatable)
        name = f"{metadata['namespace']}_{metadata['name']}_{self.uid}"
        self.context = PodContext(node, facts, sources, folder, node.settings.logs_folder / name, publish=self.publish)
        self._volumes = Volumes(node.settings, folder / "volumes", sources, tokens)
        self._init = [record_of(one, pod, init=True) for one in self._pod["spec"].get("initContainers") or ()]
        self._main = [record_of(one, pod) for one in self._pod["spec"]["containers"]]
        if self._init:
            for record in self._main:
                if isinstance(record.state, Waiting):
                    record.state = Waiting("PodInitializing")
        self._writer = StatusWriter(api, pod, node.clock)
        self.update(pod)
        self.task = asyncio.create_task(self._run(), name=f"pod {self.context.label}")

    @property
    def namespaced_name(self) -> tuple[str, str]:
        return self._object["metadata"]["namespace"], self._object["metadata"]["name"]

    @property
    def address(self) -> str:
        return self.context.facts.ip

    def record(self, container: str) -> ContainerRecord | None:
        return next((one for one in (*self._init, *self._main) if one.name == container), None)

    def update(self, pod: Object) -> None:
        """The pod's object changed."""
        self._object = pod
        if pod["metadata"].get("deletionTimestamp"):
            self._deleting.set()

    def object_gone(self) -> None:
        """The pod's object is no longer in the API."""
        self._gone.set()
        self._writer.gone = True
        self._deleting.set()

    def publish(self) -> None:
        """Some record changed: the pod's status follows."""
        before = {**self._object.get("status", {}), **({"conditions": self._conditions()} if self._status else {})}
        self._status = compose(
            {**self._object, "status": before},
            self._init,
            self._main,
            ip=self.context.facts.ip,
            node_ip=self._node.settings.address,
            started_at=self._started_at,
            now=self._node.clock.now(),
            terminating=self._ending,
        )
        if self._failure:
            self._status |= {"phase": "Failed", **self._failure}
        self._writer.push(self._status)

    async def shut_down(self, grace_s: float) -> None:
        """The node stops: ends the containers, and leaves the object alone."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self._stop_containers(grace_s)

    def _conditions(self) -> list[Object]:
        own = {item["type"]: item for item in self._status["conditions"]}
        foreign = (self._object.get("status") or {}).get("conditions") or ()
        return [*own.values(), *(item for item in foreign if item["type"] not in own)]

    async def _run(self) -> None:
        writing = asyncio.create_task(self._writer.run(), name=f"status {self.context.label}")
        living = asyncio.create_task(self._live(), name=f"life {self.context.label}")
        beside = [asyncio.create_task(self._keep_deadline(living), name=f"deadline {self.context.label}")]
        if has_changing_volumes(self._object):
            current = keep_volumes_current(self._volumes, self.context)
            beside.append(asyncio.create_task(current, name=f"volumes {self.context.label}"))
        try:
            await self._deleting.wait()
            self._ending = True
            await _cancel(living, *beside)
            await self._end()
        finally:
            await _cancel(living, writing, *beside)

    async def _keep_deadline(self, living: asyncio.Task[None]) -> None:
        if self._object["spec"].get("activeDeadlineSeconds") is None:
            return
        ran_s = (self._node.clock.now() - self._started_at).total_seconds()
        text = await wait_for_deadline(self._object, ran_s, self._node.clock)
        if living.done():
            return  # It had ended by itself.
        await _cancel(living)
        self._failure = {"reason": "DeadlineExceeded", "message": text}
        await self.context.event("Normal", "DeadlineExceeded", text)
        await self._finish()

    # Life

    async def _live(self) -> None:
        while True:
            try:
                await self._live_once()
                return
            except (DrillyardError, ApiError, OSError) as failed:
                _log.warning("pod %s: %s; trying again", self.context.label, failed)
                await self.context.event("Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {failed}")
                await self._node.clock.sleep(_RETRY_S)
            except Exception:
                _log.exception("pod %s: a bug; trying again", self.context.label)
                await self._node.clock.sleep(_BUG_PAUSE_S)

    async def _live_once(self) -> None:
        status = self._object.get("status") or {}
        if status.get("phase") in ("Succeeded", "Failed"):
            return  # It had ended before this node was started again.
        self.publish()
        self.context.folder.mkdir(parents=True, exist_ok=True)
        address = await self._network.attach(self._pod, ports_of(self._pod))
        self.context.table, self.context.listen = address.table, address.listen
        self.context.facts = replace(self.context.facts, ip=address.ip)
        await self._set_up_volumes()
        self.publish()
        policy = self._pod["spec"].get("restartPolicy", "Always")
        if not await self._run_init_containers(policy):
            return await self._finish()
        for container, record in zip(self._pod["spec"]["containers"], self._main, strict=True):
            if isinstance(record.state, Waiting) and record.state.reason == "PodInitializing":
                record.state = Waiting()
            self._start(container, record, policy)
        await asyncio.wait([self.runners[record.name].task for record in self._main])
        await self._finish()

    async def _set_up_volumes(self) -> None:
        while True:
            try:
                self.context.volumes = await self._volumes.set_up(self.context.facts)
                return
            except MountError as failed:
                await self.context.event("Warning", "FailedMount", str(failed))
                await self._node.clock.sleep(_RETRY_S)

    async def _run_init_containers(self, policy: str) -> bool:
        """One after another; False when one failed for good."""
        for container, record in zip(self._pod["spec"].get("initContainers") or (), self._init, strict=True):
            if is_sidecar(container):
                runner = self._start(container, record, "Always")
                await runner.started.wait()
                continue
            runner = self._start(container, record, "Never" if policy == "Never" else "OnFailure")
            await runner.task
            if not record.succeeded:
                return False
        return True

    def _start(self, container: Object, record: ContainerRecord, policy: str) -> ContainerRunner:
        runner = self.runners.get(record.name)
        if runner is None:
            runner = self.runners[record.name] = ContainerRunner(container, record, self.context, policy)
        return runner

    async def _finish(self) -> None:
        """Every container has ended for good: sidecars follow, and the address is free for others."""
        await self._stop_containers(float(self._pod["spec"].get("terminationGracePeriodSeconds", 30)))
        self.publish()
        await self._leave_network()

    async def _leave_network(self) -> None:
        self.context.listen = {}  # Its ports are somebody else's from here on.
        await self._network.detach(self.uid)

    # End

    async def _end(self) -> None:
        while True:
            try:
                await self._stop_containers(self._grace_s())
                for record in (*self._init, *self._main):
                    record.ready = record.ready and record.is_init
                    if isinstance(record.state, Waiting):
                        now = self._node.clock.now()
                        text = "The container could not be located when the pod was deleted."
                        record.state = Terminated(137, "ContainerStatusUnknown", None, now, message=text)
                self.publish()
                await self._leave_network()
                self.context.volumes = {}
                await asyncio.to_thread(_remove, self.context.folder)
                await self._writer.flush()
                await self._delete_object()
                return
            except Exception:
                _log.exception("pod %s: its end failed; trying again", self.context.label)
                await self._node.clock.sleep(_BUG_PAUSE_S)

    def _grace_s(self) -> float:
        if self._gone.is_set():
            return _GONE_GRACE_S
        metadata = self._object["metadata"]
        grace = metadata.get("deletionGracePeriodSeconds")
        return float(self._pod["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace)

    async def _stop_containers(self, grace_s: float) -> None:
        """The containers side by side, then the sidecars, last started first (as the kubelet does)."""
        main = [self.runners[record.name] for record in self._main if record.name in self.runners]
        await _stop_all(main, grace_s)
        for record in reversed(self._init):
            if record.name in self.runners:
                await _stop_all([self.runners[record.name]], grace_s)

    async def _delete_object(self) -> None:
        namespace, name = self.namespaced_name
        while not self._gone.is_set():
            try:
                await self._api.delete("pods", namespace, name, grace_s=0, uid=self.uid)
                return
            except ApiError as refused:
                if refused.status in (404, 409):
                    return
                _log.warning("pod %s is not deleted yet: %s", self.context.label, refused.message)
            except (OSError, TimeoutError) as lost:
                _log.warning("pod %s is not deleted yet: %s", self.context.label, lost)
            await self._node.clock.sleep(_DELETE_RETRY_S)


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _stop_all(runners: Sequence[ContainerRunner], grace_s: float) -> None:
    results = await asyncio.gather(*(runner.stop(grace_s) for runner in runners), return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


def _remove(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)
