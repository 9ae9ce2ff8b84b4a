"""
Checkouts a second through all services, load generator included, and where the processor time goes.

A checkout is what a signed-in shopper does: empty the cart, put one to three pairs of socks in, place the order; over
HTTP through the front end, which asks carts, catalogue, user and orders, and orders asks payment, the bank and
shipping. Registration and each shopper's first checkouts are not in the window. queue-master works without its pause
(WORK_MS=0), so that shipping is in the figures too. Once the 20 shoppers go as fast as they can (the shop's limit: 20
checkouts are always under way), once they begin 30 checkouts a second between them (what a customer waits).

The original's manifests limit the services' processor time (front-end to 300m: a third of a core), and where the
yard can write cgroups these limits hold. They are measured first as they are, then taken away for all other figures.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.bench_yard import NAME, BenchYard, bench_yard
from bench.figure import Figure, Section
from drillyard.base.clock import SystemClock
from drillyard.cluster.client import Object
from drillyard.load.ledger import Attempt, ShopperLedger
from drillyard.load.shopping import Habits, place_orders
from drillyard.yard.yard import open_yard

TITLE = "Checkouts"
SHOPPERS = 20
WARM_UP = 3 * SHOPPERS
CHECKOUTS = 600
PACED_PER_S = 30
DRAIN_S = 3
ROLL_OUT_MAX_S = 60
GENERATOR = "load generator"


@dataclass(frozen=True)
class Window:
    """One measured window: seconds, each checkout's seconds, processor seconds by process."""

    wall_s: float
    took_s: list[float]
    cpu_s: dict[str, float]
    failed: int

    @property
    def per_s(self) -> float:
        """Checkouts that ended in a second."""
        return len(self.took_s) / self.wall_s

    def percentile_ms(self, percent: int) -> float:
        """How long a checkout took, in milliseconds."""
        return statistics.quantiles(self.took_s, n=100)[percent - 1] * 1000

    @property
    def ms_per_checkout(self) -> float:
        """Processor milliseconds that a checkout cost in all processes together."""
        return sum(self.cpu_s.values()) / len(self.took_s) * 1000


def measure(rounds: int) -> Section:
    """Throughput, latency and processor time with 20 shoppers; the profile is that of the median round."""
    limited, windows, paced = [], [], []
    with bench_yard() as yard, yard.up("--env", "queue-master.WORK_MS=0"):
        for seed in range(rounds):
            limited.append(asyncio.run(window(yard, seed, Habits())))
        asyncio.run(lift_cpu_limits(yard))
        for seed in range(rounds):
            windows.append(asyncio.run(window(yard, seed, Habits())))
            paced.append(asyncio.run(window(yard, seed, Habits(pace_s=SHOPPERS / PACED_PER_S))))
    figures = [
        Figure("checkouts a second, within the original's CPU limits", [one.per_s for one in limited]),
        Figure("a checkout then, p50 (ms)", [one.percentile_ms(50) for one in limited]),
        Figure("a checkout then, p95 (ms)", [one.percentile_ms(95) for one in limited]),
        Figure(f"checkouts a second, {SHOPPERS} shoppers without a pause or limits", [one.per_s for one in windows]),
        Figure("a checkout then, p50 (ms)", [one.percentile_ms(50) for one in windows]),
        Figure("a checkout then, p95 (ms)", [one.percentile_ms(95) for one in windows]),
        Figure(f"checkouts a second, {SHOPPERS} shoppers paced to {PACED_PER_S}", [one.per_s for one in paced]),
        Figure("a checkout then, paced, p50 (ms)", [one.percentile_ms(50) for one in paced]),
        Figure("a checkout then, paced, p95 (ms)", [one.percentile_ms(95) for one in paced]),
        Figure("processor time of a checkout, all processes (ms)", [one.ms_per_checkout for one in windows]),
        Figure("checkouts that were not answered 201", [one.failed for one in limited + windows + paced]),
    ]
    middle = sorted(windows, key=lambda one: one.ms_per_checkout)[len(windows) // 2]
    return Section(figures, text=profile(middle))


async def lift_cpu_limits(yard: BenchYard) -> None:
    """Takes the CPU limit from every container of the shop, and waits for the pods that this begins."""
    os.environ["DRILLYARD_HOME"] = yard.home
    async with open_yard(NAME) as opened:
        for deployment in (await opened.api.list("deployments", "sock-shop")).items:
            limits = deployment["spec"]["template"]["spec"]["containers"][0].get("resources", {}).get("limits", {})
            if "cpu" in limits:
                await opened.api.patch(
                    "deployments",
                    "sock-shop",
                    deployment["metadata"]["name"],
                    [{"op": "remove", "path": "/spec/template/spec/containers/0/resources/limits/cpu"}],
                    type="json",
                )
        waiting = {one["metadata"]["name"] for one in (await opened.api.list("deployments", "sock-shop")).items}
        async with asyncio.timeout(ROLL_OUT_MAX_S):
            async for event in opened.api.watch("deployments", "sock-shop"):
                if _rolled_out(event.object):
                    waiting.discard(event.object["metadata"]["name"])
                if not waiting:
                    return


def _rolled_out(deployment: Object) -> bool:
    """All replicas are of the newest template and available, and no older one is left."""
    status, wanted = deployment.get("status", {}), deployment["spec"]["replicas"]
    newest = status.get("observedGeneration") == deployment["metadata"]["generation"]
    counts = (status.get("replicas", 0), status.get("updatedReplicas", 0), status.get("availableReplicas", 0))
    return newest and counts == (wanted, wanted, wanted)


async def window(yard: BenchYard, seed: int, habits: Habits) -> Window:
    """20 shoppers place the warm-up's orders and then those that are measured."""
    os.environ["DRILLYARD_HOME"] = yard.home
    state = json.loads((Path(yard.home) / "yards" / NAME / "yard.json").read_text())
    root = psutil.Process(state["control_plane"]["pid"])
    ledger = ShopperLedger()
    began_s = 0.0
    before: dict[tuple[int, str], float] = {}

    def placed(_: Attempt) -> None:
        nonlocal began_s, before
        if len(ledger) == WARM_UP:
            before, began_s = cpu_of(root), time.monotonic()

    async with open_yard(NAME) as opened:
        front_end = opened.url("front-end")
    await place_orders(
        front_end,
        WARM_UP + CHECKOUTS,
        seed,
        SystemClock(),
        on_order=placed,
        concurrency=SHOPPERS,
        habits=habits,
        ledger=ledger,
    )
    ended_s = time.monotonic()
    await asyncio.sleep(DRAIN_S)  # queue-master, agent and telemetry are to finish what these checkouts gave them.
    used: dict[str, float] = defaultdict(float)
    for key, seconds in cpu_of(root).items():
        used[key[1]] += seconds - before.get(key, 0)
    rows = list(ledger)[WARM_UP:]
    return Window(
        wall_s=ended_s - began_s,
        took_s=[row.took_s for row in rows],
        cpu_s=dict(used),
        failed=sum(row.http_status != 201 for row in rows),
    )


def cpu_of(root: psutil.Process) -> dict[tuple[int, str], float]:
    """User and system seconds of the yard's processes, and of this one, which is the load generator."""
    found = {(process.pid, name): seconds for process, name, seconds in _processes(root)}
    own = psutil.Process().cpu_times()
    return {**found, (os.getpid(), GENERATOR): own.user + own.system}


def _processes(root: psutil.Process) -> Iterator[tuple[psutil.Process, str, float]]:
    for process in [root, *root.children(recursive=True)]:
        try:
            times = process.cpu_times()
            yield process, _name(process), times.user + times.system
        except psutil.Error:
            continue


def _name(process: psutil.Process) -> str:
    """What people call it: the pod's deployment, the store, or the part of the yard."""
    words = " ".join(process.cmdline()) or process.name()
    if "control_plane" in words:
        return "control plane"
    title = words.split(":")[0].split()
    if title[0] in ("postgres", "drillyard"):
        return " ".join(title[:3])
    if title[0].endswith("postgres") or "valkey" in title[0]:
        return "postgres" if title[0].endswith("postgres") else "valkey"
    name = title[0].rpartition("/")[2]
    return "-".join(name.split("-")[:-2]) if name.count("-") >= 2 and "/" in title[0] else name


def profile(of: Window) -> str:
    """Where the processor time of a checkout goes, as a table."""
    lines = ["Where the processor time of a checkout goes:", "", "| process | ms | share |", "|---|---|---|"]
    total = sum(of.cpu_s.values())
    for name, seconds in sorted(of.cpu_s.items(), key=lambda item: -item[1]):
        if seconds / total >= 0.005:
            lines.append(f"| {name} | {seconds / len(of.took_s) * 1000:.1f} | {seconds / total:.0%} |")
    return "\n".join(lines)
