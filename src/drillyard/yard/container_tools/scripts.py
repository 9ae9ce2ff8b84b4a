"""
The scripts that stand for these programs, in a folder of the kubelet's PATH.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

from drillyard.base.files import write_atomically
from drillyard.yard.container_tools import curl, locust, tar


def write(folder: Path) -> None:
    """One executable for each program that this machine has. Raises OSError."""
    folder.mkdir(mode=0o711, exist_ok=True)
    python = shlex.quote(sys.executable)
    scripts: dict[str, str] = {}
    real = shutil.which("curl")
    if real is not None and Path(real).parent != folder:
        scripts["curl"] = f"{python} -I -S {shlex.quote(str(Path(curl.__file__).resolve()))} {shlex.quote(real)}"
    if locust.is_installed():
        scripts["locust"] = f"nice -n {locust.NICENESS} {python} -m locust"
    real = shutil.which("tar")
    if real is not None and Path(real).parent != folder:
        write_atomically(folder / "tar", tar.script(real), mode=0o755)
    for name, command in scripts.items():
        write_atomically(folder / name, f'#!/bin/sh\nexec {command} "$@"\n', mode=0o755)
