"""
A bound on what a regular expression of a user may cost.

Python's `re` can take exponential time, and holds everything up meanwhile. It does look for signals as it goes, so an
alarm ends it. Only the main thread gets signals: elsewhere there is no bound, so pipelines run in the main thread.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class TooSlow(Exception):
    """The time is over."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises TooSlow inside the block when it takes longer."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGALRM, _raise)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left, interval)
        signal.signal(signal.SIGALRM, handler)


def _raise(_: int, __: FrameType | None) -> None:
    raise TooSlow
