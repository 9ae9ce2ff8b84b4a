"""How long a drill takes in a yard that is up: each incident of the catalogue, and how many fit into an hour."""

from __future__ import annotations

import json
import os
import sys
import time

from bench.bench_yard import bench_yard
from bench.figure import Figure, Section
from drillyard.incidents.catalogue import all_incidents

TITLE = "Drills"
FIRST = "queue-consumer-down"


def measure(rounds: int) -> Section:
    """
    `drill run NAME` for each incident, `rounds` times: seconds from command to verdict, as a person waits for it.

    The memory is the yard's after each drill of incident 5. Drills an hour: all incidents in turn, one at a time, as
    the shop's two cores allow. Exits when a drill was not kept.
    """
    os.environ["DRILL_SCREENSHOTS"] = "off"
    names = sorted((one.name for one in all_incidents()), key=lambda name: name != FIRST)
    took: dict[str, list[float]] = {name: [] for name in names}
    memory: list[float] = []
    not_kept = 0
    with bench_yard() as yard, yard.up():
        for seed in range(rounds):
            for name in names:
                began = time.monotonic()
                done = yard.drill("run", name, "--seed", str(seed), "--json", check=False)
                took[name].append(time.monotonic() - began)
                result = json.loads(done.stdout)
                if result["verdict"] != "kept":
                    not_kept += 1
                    sys.stderr.write(f"{name} was not kept: {result['reason']}\n")
                if name == FIRST:
                    memory.append(yard.status()["memory_pss_bytes"] / 1e6)
    an_hour = [3600 * len(names) / sum(took[name][number] for name in names) for number in range(rounds)]
    return Section(
        [
            Figure("`drill run incident-5` (s)", took[FIRST]),
            Figure("memory after each of these drills, PSS (MB)", memory),
            Figure(f"drills an hour, all {len(names)} incidents in turn", an_hour),
            Figure(f"drills of {rounds * len(names)} that were not kept", [not_kept]),
            *(Figure(f"`drill run {name}` (s)", took[name]) for name in names if name != FIRST),
        ]
    )
