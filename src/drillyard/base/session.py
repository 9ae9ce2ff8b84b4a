"""
Everything that a process started, found by its session: a shell's children outlive the shell, but not its session.

A process that opened a session of its own (PostgreSQL's servers do) is not found; such programs end with their parent.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def session_members(session: int) -> list[int]:
    """The processes of the session, zombies left out (Linux: field 6 of `/proc/PID/stat`, proc(5)); [] elsewhere."""
    members: list[int] = []
    if sys.platform != "linux":
        return members
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, _, _, owner = file.read().rpartition(b")")[2].split()[:4]
        except (OSError, ValueError):
            continue  # It ended meanwhile.
        if int(owner) == session and state not in (b"Z", b"X"):
            members.append(int(name))
    return members


def kill_session(session: int, signal_number: int = signal.SIGKILL) -> None:
    """Signals every process of a session. Harmless when there is none."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal_number)
    own_group = session
    for pid in session_members(session):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(pid) != own_group:
                os.kill(pid, signal_number)
