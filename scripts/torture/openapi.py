"""
Schemathesis on every service that docs/openapi describes, with many more requests than `make test` has time for.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from torture.torture_yard import say

TITLE = "Requests that fit docs/openapi, and requests that do not"
TESTS = Path(__file__).parents[2] / "tests" / "system" / "shop" / "test_openapi.py"
LIMIT_S = 3600


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--requests", type=int, default=200, help="of each kind for each operation (default 200)")


def play(options: argparse.Namespace, home: str) -> bool:
    """True when every answer was one that is described."""
    if find_spec("schemathesis") is None:
        say("Schemathesis is not installed. `make test` installs what tests need.")
        return False
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--timeout=600", "--basetemp", f"{home}/pytest", str(TESTS)],
        env={**os.environ, "OPENAPI_EXAMPLES": str(options.requests)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    say("\n".join(done.stdout.splitlines()[-30:]))
    return done.returncode == 0
