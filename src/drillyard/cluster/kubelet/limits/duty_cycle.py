"""
A CPU limit without cgroups: a container that has used more than its share is stopped (SIGSTOP) until it has made up
for it, and goes on (SIGCONT).

Over time the share is exact, because what was used too much is owed; in the small it comes in bursts of up to a tick,
where the kernel's own bandwidth control (sched-bwc.rst) has 100 ms. What nobody used is kept for one period only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence

_PERIOD_S = 0.1
_DEBT_MAX_S = 4.0
_CPUCLOCK_SCHED = 2

Send = Callable[[int, int], None]


class DutyCycle:
    """
    One container's account of processor time, `cores` a second.

    `cpu_s` tells what a process has used so far, and `send` signals it; both may raise OSError for one that is gone.
    """

    def __init__(self, cores: float, *, cpu_s: Callable[[int], float] | None = None, send: Send = os.kill) -> None:
        self._cores, self._cpu_s, self._send = cores, cpu_s or process_cpu_s, send
        self._credit_s = 0.0
        self._seen: dict[int, float] = {}
        self._at_s: float | None = None
        self.stopped = False
        self.frozen = False

    def tick(self, now_s: float, members: Sequence[int]) -> None:
        """Looks what the processes used since the last tick, and stops them or lets them go on."""
        used_s = self._used_s(members)
        if self._at_s is not None:
            elapsed_s = now_s - self._at_s
            most_s = self._cores * max(_PERIOD_S, elapsed_s)
            self._credit_s = min(self._credit_s + elapsed_s * self._cores - used_s, most_s)
            self._credit_s = max(self._credit_s, -self._cores * _DEBT_MAX_S)
        self._at_s = now_s
        if self._credit_s < 0:
            # Again at each tick: a process that was forked meanwhile runs.
            self._signal(members, signal.SIGSTOP)
            self.stopped = True
        elif self.stopped:
            self.resume(members)

    def resume(self, members: Sequence[int]) -> None:
        """Lets them go on, unless somebody else has frozen them. Harmless when they do."""
        if self.stopped and not self.frozen:
            self._signal(members, signal.SIGCONT)
        self.stopped = False

    def _used_s(self, members: Sequence[int]) -> float:
        seen: dict[int, float] = {}
        for pid in members:
            with contextlib.suppress(OSError):
                seen[pid] = self._cpu_s(pid)
        used_s = sum(total - self._seen[pid] for pid, total in seen.items() if pid in self._seen)
        self._seen = seen
        return used_s

    def _signal(self, members: Sequence[int], number: signal.Signals) -> None:
        for pid in members:
            with contextlib.suppress(OSError):
                self._send(pid, number)


def process_cpu_s(pid: int) -> float:
    """
    All that the threads of a process have used, to the nanosecond: its CPU-time clock (clock_getcpuclockid(3)).

    Raises OSError when there is no such process, or this system has no such clocks.
    """
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED)
