"""
Processes that never outlive their parent, and that are found again by more than a number.

A pid alone may have been given to a stranger since, so a process is known by its pid and its start time.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class ProcessId:
    """A process and not its number's next owner. `started` is in clock ticks since boot (Linux) or epoch seconds."""

    pid: int
    started: float

    def alive(self) -> bool:
        """True while this very process runs; a zombie counts as gone."""
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.started and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


def identify(pid: int) -> ProcessId:
    """Raises ProcessLookupError when there is no such process."""
    try:
        return ProcessId(pid, psutil.Process(pid).create_time())
    except psutil.NoSuchProcess as gone:
        raise ProcessLookupError(pid) from gone


def die_with_parent(signal_number: int = signal.SIGKILL) -> None:
    """
    Asks the kernel to kill this process when its parent ends (Linux; elsewhere a lifeline pipe does it).

    Must be called after any change of user, which clears the request (prctl(2)).
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:  # It ended between fork and prctl.
        os._exit(1)


def stop(processes: Iterable[ProcessId], *, grace_s: float) -> None:
    """Ends them all: TERM, so many seconds of grace together, then KILL. Those already gone are no error."""
    remaining = [process for process in processes if process.alive()]
    for process in remaining:
        _send(process, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while remaining and time.monotonic() < deadline:
        time.sleep(0.01)
        remaining = [process for process in remaining if process.alive()]
    for process in remaining:
        _send(process, signal.SIGKILL)


def _send(process: ProcessId, signal_number: int) -> None:
    if process.alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal_number)


def go_first() -> None:
    """
    This process before others in the queue for the processor, where the system lets it (nice(2): root).

    For what repairs: it is needed most when the machine is busiest.
    """
    with contextlib.suppress(OSError):
        os.nice(-10)


def pss_bytes(pid: int) -> int:
    """
    Proportional set size: shared pages are divided among their users. 0 for a process that is gone.

    RSS would count what the services share with their common parent once for each (`/proc/PID/smaps_rollup`, proc(5)).
    """
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, ProcessLookupError):
        return 0
    return 0
