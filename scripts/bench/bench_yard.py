"""A yard to measure: a home of its own that is removed, and the command `drill` in it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DRILL = str(Path(sys.executable).parent / "drill")
NAME = "bench"


class BenchYard:
    """Runs `drill` in one home; each command has 300 s."""

    def __init__(self, home: str) -> None:
        self.home = home

    def drill(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One command to its end. Raises CalledProcessError for an exit code other than 0 when `check`."""
        return subprocess.run(
            [DRILL, *arguments],
            env={**os.environ, "DRILLYARD_HOME": self.home, "DRILL_YARD": NAME},
            capture_output=True,
            text=True,
            check=check,
            timeout=300,
        )

    def timed(self, *arguments: str) -> float:
        """Wall seconds of one command."""
        began = time.monotonic()
        self.drill(*arguments)
        return time.monotonic() - began

    def status(self) -> dict[str, Any]:
        """`drill status --json`."""
        found: dict[str, Any] = json.loads(self.drill("status", "--json").stdout)
        return found

    @contextlib.contextmanager
    def up(self, *arguments: str) -> Iterator[None]:
        """Up with these arguments, and down at the end whatever happens."""
        self.drill("up", *arguments)
        try:
            yield
        finally:
            self.drill("down", check=False)


@contextlib.contextmanager
def bench_yard() -> Iterator[BenchYard]:
    """A home in a new folder, with nothing prepared (no database templates)."""
    with tempfile.TemporaryDirectory(prefix="drillyard-bench-") as home:
        os.chmod(home, 0o711)
        yield BenchYard(home)
