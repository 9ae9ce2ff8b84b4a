"""
Runs all controllers on one API until cancelled.

Each has its queue and its task; kinds are watched once, whoever needs them. A task that dies of a bug is logged and
started again after a pause: a control plane with a broken controller is better than none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from drillyard.base.clock import Clock
from drillyard.cluster.client import Api, EventType, Object
from drillyard.cluster.controllers.autoscaler import AutoscalerController
from drillyard.cluster.controllers.controller import Concerns, Controller
from drillyard.cluster.controllers.daemonset import DaemonSetController
from drillyard.cluster.controllers.deployment import DeploymentController
from drillyard.cluster.controllers.endpoints import EndpointsController
from drillyard.cluster.controllers.event_expiry import EventExpiry
from drillyard.cluster.controllers.garbage import GarbageCollector
from drillyard.cluster.controllers.job import JobController
from drillyard.cluster.controllers.namespace import NamespaceController
from drillyard.cluster.controllers.node_lifecycle import NodeLifecycle
from drillyard.cluster.controllers.replicaset import ReplicaSetController
from drillyard.cluster.controllers.scheduler import Scheduler
from drillyard.cluster.controllers.work_queue import WorkQueue
from drillyard.cluster.informer import Informer

_log = logging.getLogger(__name__)
_RESTART_S = 1.0


def all_controllers(api: Api, clock: Clock, ca_pem: str = "") -> list[Controller]:
    """One of each."""
    return [
        Scheduler(api, clock),
        DeploymentController(api, clock),
        ReplicaSetController(api, clock),
        DaemonSetController(api, clock),
        JobController(api, clock),
        EndpointsController(api, clock),
        NamespaceController(api, clock, ca_pem),
        NodeLifecycle(api, clock),
        GarbageCollector(api, clock),
        AutoscalerController(api, clock),
        EventExpiry(api, clock),
    ]


async def run_controllers(api: Api, clock: Clock, *, ca_pem: str = "") -> None:
    """Runs until cancelled. `ca_pem` is what each namespace's `kube-root-ca.crt` holds; "" leaves that out."""
    await run(api, clock, all_controllers(api, clock, ca_pem))


async def run(api: Api, clock: Clock, controllers: list[Controller]) -> None:
    """The same for a chosen few."""
    informers: dict[str, Informer] = {}
    tasks: list[Callable[[], Awaitable[None]]] = []
    for controller in controllers:
        queue = WorkQueue(controller.name, clock)
        for kind, concerns in controller.watches.items():
            if kind not in informers:
                informers[kind] = Informer(api, kind, clock=clock)
            informers[kind].listen(_listener(queue, concerns))
        tasks.append(_worker(queue, controller))
    tasks += [informer.run for informer in informers.values()]
    async with asyncio.TaskGroup() as group:
        for task in tasks:
            group.create_task(_kept_alive(task, clock))


def _listener(queue: WorkQueue, concerns: Concerns) -> Callable[[EventType, Object], None]:
    def listener(change: EventType, obj: Object) -> None:
        for key in concerns(change, obj):
            queue.add(key)

    return listener


def _worker(queue: WorkQueue, controller: Controller) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        await queue.run(controller.reconcile)

    return work


async def _kept_alive(task: Callable[[], Awaitable[None]], clock: Clock) -> None:
    while True:
        try:
            await task()
        except Exception:
            _log.exception("a controller's task died; it starts again in %s s", _RESTART_S)
        await clock.sleep(_RESTART_S)
