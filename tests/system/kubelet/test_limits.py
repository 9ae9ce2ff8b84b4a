from __future__ import annotations

import asyncio
import time
from pathlib import Path

import psutil
import pytest

from drillyard.cluster.kubelet import limits
from drillyard.cluster.kubelet.limits.backend import Limits
from drillyard.cluster.kubelet.limits.cgroup import CgroupLimits, find_cgroup1, find_cgroup2
from drillyard.cluster.kubelet.limits.sampler import SamplerLimits

from .conftest import Cluster, main_status
from .test_pods import _process


async def _use(cluster: Cluster, name: str) -> None:
    await cluster.node._node.limits.close()
    cluster.node._node.limits = _backend(name, cluster.folder / "node")


def _backend(name: str, folder: Path) -> Limits:
    if name == "sampler":
        return SamplerLimits()
    found = (find_cgroup2 if name == "cgroup v2" else find_cgroup1)(folder)
    if found is None:
        pytest.skip(f"{name} cannot be written here")
    return CgroupLimits(found)


@pytest.mark.parametrize("name", ["cgroup v2", "cgroup v1", "sampler"])
async def test_a_container_over_its_memory_limit_is_oom_killed(cluster: Cluster, name: str) -> None:
    await _use(cluster, name)
    await cluster.run_pod("hog", "hog", args=["200"], resources={"limits": {"memory": "64Mi"}})
    pod = await cluster.pod_when("hog", lambda pod: main_status(pod)["restartCount"] >= 1, timeout_s=20)
    ended = main_status(pod)["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")


@pytest.mark.parametrize("name", ["cgroup v2", "cgroup v1", "sampler"])
async def test_a_container_gets_no_more_cpu_than_its_limit(cluster: Cluster, name: str) -> None:
    await _use(cluster, name)
    await cluster.run_pod("spin", "spin", resources={"limits": {"cpu": "200m"}})
    await cluster.pod_when("spin", lambda pod: main_status(pod)["state"]["running"])
    process = await _process("default/spin")
    await asyncio.sleep(0.5)  # the limit begins a moment after the start
    before, began = process.cpu_times().user, time.monotonic()
    await asyncio.sleep(2)  # not time.sleep: the sampler works in this loop
    assert (process.cpu_times().user - before) / (time.monotonic() - began) < 0.3


async def test_a_stopped_node_leaves_no_cgroup(cluster: Cluster) -> None:
    chosen = cluster.node._node.limits = limits.choose(cluster.folder / "node")
    await cluster.run_pod("rock", "stubborn", resources={"limits": {"memory": "64Mi"}})
    await cluster.says("rock", "ready")
    process = await _process("default/rock")
    await cluster.node.stop(grace_s=0.1)
    assert not psutil.pid_exists(process.pid) or process.status() == psutil.STATUS_ZOMBIE
    if isinstance(chosen, CgroupLimits):
        assert [place for place in chosen._hierarchies.folders if place.exists()] == []


async def test_the_node_says_who_holds_limits(cluster: Cluster) -> None:
    [node] = (await cluster.api.list("nodes")).items
    said = {one["type"]: one for one in node["status"]["conditions"]}["KernelLimits"]
    kernel = cluster.node.limits_name != "sampler"
    assert (said["status"] == "True") == kernel and ("cgroup" in said["message"])
