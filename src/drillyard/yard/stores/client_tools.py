"""
psql, pg_isready and pg_dump inside a pod, as `kubectl exec` finds them in PostgreSQL's image.

A container's port is another one on this machine, which PostgreSQL's own programs cannot know. So what stands in the
container is a small script that points the real program at the pod's server.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import NoReturn

from drillyard.base import podnet
from drillyard.base.files import write_atomically
from drillyard.yard.stores import postgres

NAMES = ("psql", "pg_isready", "pg_dump")
_DEFAULTS = (("PGUSER", "POSTGRES_USER"), ("PGPASSWORD", "POSTGRES_PASSWORD"), ("PGDATABASE", "POSTGRES_DB"))


def write_scripts(folder: Path) -> None:
    """One executable for each name, into a folder of the kubelet's PATH. Raises OSError."""
    folder.mkdir(mode=0o711, exist_ok=True)
    for name in NAMES:
        text = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {__name__} {name} "$@"\n'
        write_atomically(folder / name, text, mode=0o755)


def main() -> NoReturn:
    """Becomes the program named first, with the pod's address and the image's own account as defaults."""
    name, *arguments = sys.argv[1:]
    os.environ.setdefault("PGHOST", "127.0.0.1")
    os.environ.setdefault("PGPORT", str(podnet.listen_port(5432)))
    for variable, source in _DEFAULTS:
        if source in os.environ:
            os.environ.setdefault(variable, os.environ[source])
    os.execv(postgres.binaries() / name, [name, *arguments])


if __name__ == "__main__":
    main()
