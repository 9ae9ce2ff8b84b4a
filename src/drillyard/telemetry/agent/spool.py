"""
The disk buffer: payloads that the intake could not take, kept in order until it can.

A payload counts as kept once its file is on the disk, so the lines in it survive the pod that wrote them and the agent.
"""

from __future__ import annotations

import os
from pathlib import Path

BYTES_MAX = 256 * 1024 * 1024
"""Beyond this nothing more is taken from the log files, which then are the buffer."""


class Spool:
    """A folder of payloads, oldest first by name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        for half_written in folder.glob("*.tmp"):
            half_written.unlink()
        self._names = sorted(path.name for path in folder.glob("*.payload"))
        self._bytes = sum((folder / name).stat().st_size for name in self._names)
        self._next = int(self._names[-1].partition(".")[0]) + 1 if self._names else 1

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._names

    @property
    def full(self) -> bool:
        """Whether nothing more may be added."""
        return self._bytes >= BYTES_MAX

    @property
    def waiting_bytes(self) -> int:
        """How much waits."""
        return self._bytes

    def add(self, payload: bytes) -> None:
        """Keeps a payload behind all others. Raises OSError."""
        name = f"{self._next:012d}.payload"
        temporary = self._folder / f"{name}.tmp"
        with temporary.open("wb") as file:
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._folder / name)
        self._names.append(name)
        self._bytes += len(payload)
        self._next += 1

    def oldest(self) -> bytes:
        """The payload to send next; the spool must not be empty. Raises OSError."""
        return (self._folder / self._names[0]).read_bytes()

    def drop_oldest(self) -> None:
        """It has arrived."""
        path = self._folder / self._names.pop(0)
        self._bytes -= path.stat().st_size
        path.unlink()
