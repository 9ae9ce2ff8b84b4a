"""
How long to wait before the next try: 10 s, doubled up to 300 s, forgotten after ten good minutes (kubelet's figures).
"""

from __future__ import annotations

FIRST_S = 10.0
MAX_S = 300.0
RESET_S = 600.0


class Backoff:
    """
    The delays of one container. `scale` shortens them all; `first_free` lets the first restart happen at once.

    Whoever tells people about a delay tells the scaled one: it is the one that they see.
    """

    def __init__(self, scale: float = 1.0, *, first_free: bool = False) -> None:
        self._scale, self._first_free = scale, first_free
        self._failures = 0

    def next_s(self, ran_s: float = 0.0) -> float:
        """The delay after another failure of something that ran for so long."""
        if ran_s >= RESET_S * self._scale:
            self._failures = 0
        self._failures += 1
        doublings = self._failures - (2 if self._first_free else 1)
        if doublings < 0:
            return 0.0
        return min(FIRST_S * 2.0 ** min(doublings, 16), MAX_S) * self._scale


def go_duration(seconds: float) -> str:
    """A duration as Go prints it: 500ms, 10s, 1m20s, 5m0s."""
    if seconds < 1:
        return f"{seconds * 1000:g}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"
