"""
What each pod costs: its memory a few seconds after the start, and how long one takes from its creation to Ready.

Memory is the proportional set size (PSS) of all processes of the pod; what it shares with the zygote is counted by
parts. Start to Ready is measured pod by pod in a yard that runs: the pod is deleted, and the time runs from the moment
a watch shows its successor until the watch shows it Ready, its program's start and its first good probe included.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections import defaultdict

import psutil

from bench.bench_yard import NAME, BenchYard, bench_yard
from bench.figure import Figure, Section
from drillyard.base.processes import pss_bytes
from drillyard.cluster.client import Api
from drillyard.yard.readiness import is_ready
from drillyard.yard.yard import Yard, open_yard

TITLE = "Memory and start of each pod"
SETTLE_S = 5
READY_MAX_S = 60
SPACES = ("sock-shop", "bank", "datadog")

_POD_FOLDER = re.compile(r"/pods/([0-9a-f-]{36})/")


def measure(rounds: int) -> Section:
    """Every pod's PSS in `rounds` yards, and its start to Ready in each of them."""
    memory: dict[str, list[float]] = defaultdict(list)
    starts: dict[str, list[float]] = defaultdict(list)
    with bench_yard() as yard:
        for _ in range(rounds):
            with yard.up():
                time.sleep(SETTLE_S)
                asyncio.run(_one_yard(yard, memory, starts))
    return Section(
        [Figure(f"{name}: PSS (MB)", values) for name, values in sorted(memory.items())]
        + [Figure(f"{name}: created to Ready (s)", values) for name, values in sorted(starts.items())]
    )


async def _one_yard(home: BenchYard, memory: dict[str, list[float]], starts: dict[str, list[float]]) -> None:
    os.environ["DRILLYARD_HOME"] = home.home
    async with open_yard(NAME) as yard:
        names = await _pod_names(yard.api)
        for name, size in pss_by_name(yard, names).items():
            memory[name].append(size / 1e6)
        for space in SPACES:
            for pod in (await yard.api.list("pods", space)).items:
                name = names[pod["metadata"]["uid"]]
                starts[name].append(await _restart(yard.api, space, pod["metadata"]["name"]))


async def _pod_names(api: Api) -> dict[str, str]:
    """What people call each pod, by its uid: `orders` for orders-68cb676d7-srbk6."""
    found = {}
    for space in SPACES:
        for pod in (await api.list("pods", space)).items:
            labels = pod["metadata"].get("labels") or {}
            found[pod["metadata"]["uid"]] = labels.get("name") or labels.get("app") or pod["metadata"]["name"]
    return found


def pss_by_name(yard: Yard, pod_names: dict[str, str]) -> dict[str, int]:
    """Bytes of every pod (its processes work in the pod's folder) and of every other process of the yard."""
    sizes: dict[str, int] = defaultdict(int)
    root = psutil.Process(yard.state.control_plane.pid)
    for process in [root, *root.children(recursive=True)]:
        try:
            folder = _POD_FOLDER.search(process.cwd() + "/")
            name = pod_names.get(folder[1], "another pod") if folder else _part(process)
            sizes[name] += pss_bytes(process.pid)
        except (psutil.Error, OSError):
            continue
    return dict(sizes)


def _part(process: psutil.Process) -> str:
    words = " ".join(process.cmdline()).strip()
    for module, name in (("yard.control_plane", "control plane"), ("yard.templates", "templates for the next yard")):
        if module in words:
            return name
    return words or process.name()


async def _restart(api: Api, space: str, name: str) -> float:
    """Seconds from the successor's creation to its Ready. Raises TimeoutError."""
    listed = await api.list("pods", space)
    known = {pod["metadata"]["uid"] for pod in listed.items}
    async with asyncio.timeout(READY_MAX_S):
        await api.delete("pods", space, name, grace_s=0)
        began: float | None = None
        async for event in api.watch("pods", space, resource_version=listed.resource_version):
            if event.type == "DELETED" or event.object["metadata"]["uid"] in known:
                continue
            began = time.monotonic() if began is None else began
            if is_ready(event.object):
                return time.monotonic() - began
    raise SystemExit(f"the successor of {name} never became Ready")
