"""Drills in a row in one yard, and what is left of each."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
from collections import Counter
from pathlib import Path

import psutil

from torture.torture_yard import YARD, drill, say

TITLE = "Drills in a row"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--drills", type=int, default=20, help="how many drills in a row (default 20)")


def play(options: argparse.Namespace, home: str) -> bool:
    """True when each of them was kept."""
    drill("up", home=home)
    try:
        return drills_in_a_row(options.drills, home)
    finally:
        drill("down", home=home)


def look(home: str) -> dict[str, int]:
    """What the yard holds now: processes, listening ports, open files, files in its folder, PSS in MB."""
    state = json.loads((Path(home) / "yards" / YARD / "yard.json").read_text())
    root = psutil.Process(state["control_plane"]["pid"])
    family = [root, *root.children(recursive=True)]
    status = json.loads(drill("status", "--json", home=home).stdout)
    held = Counter[str]()
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            held["processes"] += 1
            held["ports"] += sum(c.status == psutil.CONN_LISTEN for c in process.net_connections("tcp"))
            held["open_files"] += process.num_fds()
    files = sum(len(names) for _, _, names in os.walk(Path(home) / "yards" / YARD))
    return {**held, "files": files, "memory_mb": round(status["memory_pss_bytes"] / 1e6)}


def drills_in_a_row(count: int, home: str) -> bool:
    """True when each of them was kept."""
    kept = 0
    for number in range(1, count + 1):
        done = drill("run", "incident-5", "--seed", str(number), "--json", home=home)
        result = json.loads(done.stdout) if done.stdout else {"verdict": "none", "reason": done.stderr.strip()}
        kept += result["verdict"] == "kept"
        held = "  ".join(f"{name} {value}" for name, value in look(home).items())
        say(f"{number:3}  {result['verdict']:8} {held}")
        if result["verdict"] != "kept":
            say(f"     {result['reason']}")
    say(f"{kept} of {count} kept")
    return kept == count
