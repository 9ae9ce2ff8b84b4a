"""
How this process's memory goes back to the system: what glibc's malloc is told (mallopt(3)).

Elsewhere (musl, macOS) there is nothing to tell. A fork keeps what was told before it.
"""

from __future__ import annotations

import contextlib
import ctypes

_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8
_LARGE_BYTES = 1 << 20


def share_one() -> None:
    """
    One heap for all threads. By itself each thread has its own, which keeps what its busiest moment took: of the
    telemetry's 49 MB after 30,000 logs and 24,000 spans, 7 MB.
    """
    _tell(_M_ARENA_MAX, 1)


def return_large_blocks() -> None:
    """
    Blocks of a megabyte and more go back when they are freed. By itself glibc keeps them once it has seen one freed:
    three passwords hashed at a time (16 MB each) left user with 71 MB instead of 17.
    """
    _tell(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def _tell(parameter: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(parameter, value)
