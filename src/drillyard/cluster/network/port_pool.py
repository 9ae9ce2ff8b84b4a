"""
The loopback ports of one yard: each given out once, checked to be free, and given again only when no other is left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from drillyard.base import ports
from drillyard.base.errors import DrillyardError


class PortPool:
    """
    Ports from a range, in order. `is_free` is asked before a port is given out, `more` for another range when none is
    left; it raises DrillyardError when there is no other.
    """

    def __init__(
        self,
        chosen: range,
        *,
        is_free: Callable[[int], bool] = ports.bindable,
        more: Callable[[], range] | None = None,
    ) -> None:
        self._ranges, self._is_free, self._more = [chosen], is_free, more
        self._waiting = deque(chosen)
        self._taken: set[int] = set()

    def take(self, preferred: int | None = None) -> int:
        """A free port, the preferred one if it is free. Raises DrillyardError when none is left."""
        if preferred is not None and preferred not in self._taken and self._is_free(preferred):
            self._taken.add(preferred)
            return preferred
        for _ in range(len(self._waiting)):
            port = self._waiting.popleft()
            if port in self._taken:
                continue  # It was somebody's preferred one.
            if self._is_free(port):
                self._taken.add(port)
                return port
            self._waiting.append(port)  # A stranger's now; perhaps not for ever.
        if self._more is not None:
            self._ranges.append(self._more())
            self._waiting.extendleft(reversed(self._ranges[-1]))
            return self.take()
        raise DrillyardError(
            f"No free port is left between {self._ranges[0].start} and {self._ranges[-1].stop - 1}.",
            hint="Give the yard a larger range of ports, or stop what else uses it.",
        )

    def give_back(self, port: int) -> None:
        """The port goes to the end of the line: a late client of its last owner must not meet the next one."""
        if port in self._taken:
            self._taken.discard(port)
            if any(port in own for own in self._ranges):
                self._waiting.append(port)
