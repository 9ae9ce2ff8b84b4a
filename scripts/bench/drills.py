"""How long a drill takes in a yard that is up."""

from __future__ import annotations

import json
import time

from bench.bench_yard import bench_yard
from bench.figure import Figure, Section

TITLE = "Drills"


def measure(rounds: int) -> Section:
    """`drill run incident-5`: seconds, and the yard's memory after each. Exits when a drill was not kept."""
    seconds, memory = [], []
    with bench_yard() as yard, yard.up():
        for seed in range(rounds):
            began = time.monotonic()
            done = yard.drill("run", "incident-5", "--seed", str(seed), "--json", check=False)
            seconds.append(time.monotonic() - began)
            result = json.loads(done.stdout)
            if result["verdict"] != "kept":
                raise SystemExit(f"a drill was not kept: {result['reason']}")
            memory.append(yard.status()["memory_pss_bytes"] / 1e6)
    return Section(
        [
            Figure("`drill run incident-5` (s)", seconds),
            Figure("memory after each of these drills, PSS (MB)", memory),
        ]
    )
