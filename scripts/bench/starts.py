"""From nothing to all pods Ready, and down again."""

from __future__ import annotations

import time

from bench.bench_yard import bench_yard
from bench.figure import Figure, Section

TITLE = "Start and stop"
SETTLE_S = 2


def measure(rounds: int) -> Section:
    """`drill up` where nothing was ever prepared; warm starts, the memory 2 s after each, and `drill down`."""
    first = []
    for _ in range(min(rounds, 3)):
        with bench_yard() as yard:
            first.append(yard.timed("up"))
            yard.drill("down")
    up, down, memory = [], [], []
    with bench_yard() as yard:
        yard.drill("up")
        yard.drill("down")
        for _ in range(rounds):
            up.append(yard.timed("up"))
            time.sleep(SETTLE_S)
            memory.append(yard.status()["memory_pss_bytes"] / 1e6)
            down.append(yard.timed("down"))
    return Section(
        [
            Figure("first start ever, `drill up` (s)", first),
            Figure("warm start, `drill up` to all Ready (s)", up),
            Figure("memory of the whole yard, PSS (MB)", memory),
            Figure("`drill down` (s)", down),
        ]
    )
