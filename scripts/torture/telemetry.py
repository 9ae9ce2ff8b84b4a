"""
Agent and telemetry server killed (-9) at random while container logs are written at a steady rate.

The system test of the same name, longer: it counts afterwards what is lost (nothing may be) and what is there twice.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from torture.torture_yard import say

TITLE = "Agent and telemetry killed under load"
TEST = "tests/system/telemetry/test_torture.py"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--log-seconds", type=int, default=300, help="how long lines are written (default 300)")
    parser.add_argument("--log-rate", type=int, default=5_000, help="lines a second (default 5000)")
    parser.add_argument("--log-seed", type=int, default=1, help="which kills (default 1)")


def play(options: argparse.Namespace, home: str) -> bool:
    """True when every line was found and no more than the documented number twice."""
    seconds = options.log_seconds
    say(f"{options.log_rate} lines a second for {seconds} s, seed {options.log_seed}")
    told = {"TORTURE_SECONDS": str(seconds), "TORTURE_RATE": str(options.log_rate)}
    command = [sys.executable, "-m", "pytest", "-q", "-s", f"--timeout={seconds * 4 + 300}", TEST]
    environment = {**os.environ, **told, "TORTURE_SEED": str(options.log_seed), "TMPDIR": home}
    return subprocess.run(command, cwd=Path(__file__).parents[2], env=environment, check=False).returncode == 0
