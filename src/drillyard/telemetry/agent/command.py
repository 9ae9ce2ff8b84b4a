"""
The command `agent` for `kubectl exec`: an image would bring it along, here the program lays it into its container.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from drillyard.base.files import write_atomically

_MODULE = "drillyard.telemetry.agent.status"


def install_command(folder: Path) -> None:
    """Writes the executable `agent` into a folder of the container's PATH. Raises OSError."""
    python = shlex.quote(sys.executable)
    write_atomically(folder / "agent", f'#!/bin/sh\nexec {python} -m {_MODULE} "$@"\n', mode=0o755)
