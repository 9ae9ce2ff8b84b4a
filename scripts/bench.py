"""
Measures what README and docs say of speed and size, and writes it to docs/figures.md and docs/figures.json.

    python scripts/bench.py [--rounds N]

Each figure is the median of its rounds, smallest and largest beside it; the machine stands above them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DRILL = str(Path(sys.executable).parent / "drill")
YARD = "bench"


def drill(*arguments: str, home: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs one drill command to its end, in a home of its own."""
    return subprocess.run(
        [DRILL, *arguments],
        env={**os.environ, "DRILLYARD_HOME": home, "DRILL_YARD": YARD},
        capture_output=True,
        text=True,
        check=check,
        timeout=300,
    )


def timed(*arguments: str, home: str) -> float:
    """Wall seconds of one command."""
    began = time.monotonic()
    drill(*arguments, home=home)
    return time.monotonic() - began


def first_start(rounds: int) -> list[float]:
    """`drill up` where nothing was ever prepared: no database templates."""
    times = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="drillyard-bench-") as home:
            os.chmod(home, 0o711)
            times.append(timed("up", home=home))
            drill("down", home=home)
    return times


def warm(rounds: int, home: str) -> dict[str, list[float]]:
    """`drill up` with everything prepared, the memory 2 s after that, then `drill down`."""
    figures: dict[str, list[float]] = {"up_s": [], "down_s": [], "memory_mb": []}
    for _ in range(rounds):
        figures["up_s"].append(timed("up", home=home))
        time.sleep(2)
        status = json.loads(drill("status", "--json", home=home).stdout)
        figures["memory_mb"].append(status["memory_pss_bytes"] / 1e6)
        figures["down_s"].append(timed("down", home=home))
    return figures


def drills(rounds: int, home: str) -> dict[str, list[float]]:
    """`drill run incident-5` in a yard that is up: seconds, and the yard's memory after each."""
    figures: dict[str, list[float]] = {"run_s": [], "memory_after_mb": []}
    drill("up", home=home)
    try:
        for seed in range(rounds):
            began = time.monotonic()
            done = drill("run", "incident-5", "--seed", str(seed), "--json", home=home, check=False)
            figures["run_s"].append(time.monotonic() - began)
            if json.loads(done.stdout)["verdict"] != "kept":
                raise SystemExit(f"a drill was not kept: {json.loads(done.stdout)['reason']}")
            status = json.loads(drill("status", "--json", home=home).stdout)
            figures["memory_after_mb"].append(status["memory_pss_bytes"] / 1e6)
    finally:
        drill("down", home=home)
    return figures


def summary(values: list[float]) -> dict[str, Any]:
    """Median, smallest, largest, and how many."""
    return {
        "median": round(statistics.median(values), 2),
        "min": round(min(values), 2),
        "max": round(max(values), 2),
        "rounds": len(values),
    }


def write(figures: dict[str, dict[str, Any]]) -> None:
    """docs/figures.json for programs, docs/figures.md for people."""
    machine = {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "measured_at": time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime()),
    }
    (ROOT / "docs" / "figures.json").write_text(json.dumps({"machine": machine, "figures": figures}, indent=1) + "\n")
    lines = [
        "# Figures",
        "",
        "Measured by `make bench`, which writes this page.",
        "",
        f"{machine['cores']} cores, {machine['system']}, Python {machine['python']}, {machine['measured_at']}.",
        "",
        "| what | median | smallest | largest | rounds |",
        "|---|---|---|---|---|",
    ]
    for name, row in figures.items():
        lines.append(f"| {name} | {row['median']} | {row['min']} | {row['max']} | {row['rounds']} |")
    (ROOT / "docs" / "figures.md").write_text("\n".join(lines) + "\n")
    sys.stdout.write("\n".join(lines[6:]) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    figures: dict[str, dict[str, Any]] = {}
    sys.stderr.write("first start …\n")
    figures["first start ever, `drill up` (s)"] = summary(first_start(min(rounds, 3)))
    with tempfile.TemporaryDirectory(prefix="drillyard-bench-") as home:
        os.chmod(home, 0o711)
        drill("up", home=home)
        drill("down", home=home)
        sys.stderr.write("warm start …\n")
        measured = warm(rounds, home)
        figures["warm start, `drill up` to all Ready (s)"] = summary(measured["up_s"])
        figures["memory of the whole yard, PSS (MB)"] = summary(measured["memory_mb"])
        figures["`drill down` (s)"] = summary(measured["down_s"])
        sys.stderr.write("incident 5 …\n")
        played = drills(rounds, home)
        figures["`drill run incident-5` in a yard that is up (s)"] = summary(played["run_s"])
        figures["memory after each of these drills, PSS (MB)"] = summary(played["memory_after_mb"])
    write(figures)


if __name__ == "__main__":
    main()
