"""
One drill at a time in a yard, and nothing put in by hand meanwhile: two would break each other's claims.

The kernel lets go of the lock when its drill ends or is killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator

from drillyard.base.errors import DrillyardError
from drillyard.yard.home import YardFolder


@contextlib.contextmanager
def one_at_a_time(folder: YardFolder) -> Iterator[None]:
    """Holds the yard's drill lock. Raises DrillyardError when another drill has it."""
    handle = os.open(folder.path / "drill.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            raise DrillyardError(
                f"A drill is being played in yard {folder.name}.",
                hint="Wait for its end, or play in a yard of its own: --yard NAME.",
            ) from taken
        yield
    finally:
        os.close(handle)
