"""The yard that is tortured: the command `drill` in a home of its own, and what it says for people."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

DRILL = str(Path(sys.executable).parent / "drill")
YARD = "torture"


def drill(*arguments: str, home: str) -> subprocess.CompletedProcess[str]:
    """One drill command, whatever its exit code."""
    environment = {**os.environ, "DRILLYARD_HOME": home, "DRILL_YARD": YARD}
    return subprocess.run(
        [DRILL, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def say(text: str) -> None:
    """One line, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
