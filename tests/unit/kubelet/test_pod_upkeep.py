from __future__ import annotations

import asyncio
from pathlib import Path

from drillyard.base.clock import VirtualClock
from drillyard.cluster.kubelet.pod_upkeep import has_changing_volumes, keep_volumes_current, wait_for_deadline
from drillyard.cluster.kubelet.volumes import MountError


class Node:
    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock


class Context:
    """As much of a pod's context as upkeep looks at."""

    def __init__(self, clock: VirtualClock) -> None:
        self.node, self.facts, self.label = Node(clock), object(), "p_n(u)"


class Volumes:
    """Counts how often it is brought up to date; the second time its object is gone."""

    def __init__(self) -> None:
        self.times = 0

    async def set_up(self, facts: object) -> dict[str, Path]:
        self.times += 1
        if self.times == 2:
            raise MountError("v", 'configmap "x" not found')
        return {}


async def test_volumes_are_looked_at_every_ten_seconds_even_after_a_loss() -> None:
    clock, volumes = VirtualClock(), Volumes()
    task = asyncio.create_task(keep_volumes_current(volumes, Context(clock)))  # type: ignore[arg-type]
    await clock.advance(35)
    assert volumes.times == 3
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_deadline_counts_from_the_pods_start() -> None:
    clock = VirtualClock()
    task = asyncio.create_task(wait_for_deadline({"spec": {"activeDeadlineSeconds": 10}}, 4.0, clock))
    await clock.advance(5.9)
    assert not task.done()
    await clock.advance(0.2)
    assert (await task).startswith("Pod was active")


def test_only_what_can_change_is_looked_at() -> None:
    assert has_changing_volumes({"spec": {"volumes": [{"name": "v", "configMap": {"name": "x"}}]}})
    assert not has_changing_volumes({"spec": {"volumes": [{"name": "v", "emptyDir": {}}]}})
