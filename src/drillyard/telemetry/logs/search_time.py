"""
Until when a search in this thread may go on.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Iterator

from drillyard.telemetry.logs.record_store import SEARCH_S

_thread = threading.local()


def deadline_s() -> float:
    """When a search that begins now must be given up (`time.monotonic`): after SEARCH_S, or sooner if told so."""
    told_s: float = getattr(_thread, "until_s", math.inf)
    return min(time.monotonic() + SEARCH_S, told_s)


@contextlib.contextmanager
def searching_until(moment_s: float) -> Iterator[None]:
    """Inside, every search of this thread is given up at this moment (`time.monotonic`)."""
    _thread.until_s = moment_s
    try:
        yield
    finally:
        _thread.until_s = math.inf
