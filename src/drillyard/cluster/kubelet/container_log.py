"""
The log of one run of a container, in the CRI's format, as an agent tails it and `kubectl logs` reads it.

`<RFC 3339 with nanoseconds> stdout|stderr F|P <text>`: a line longer than 16 KiB is cut into parts, all but the last
marked P. A file over 10 MiB is put aside under a name with the time, and of those the youngest two are kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_log = logging.getLogger(__name__)
LINE_BYTES = 16 * 1024
FILE_BYTES = 10 * 1024 * 1024
FILES_MAX = 3


class TimePrefix:
    """Nanosecond timestamps; the part down to the second is formatted once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = b""

    def of(self, moment_ns: int) -> bytes:
        second, rest = divmod(moment_ns, 1_000_000_000)
        if second != self._second:
            self._second = second
            self._text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        return b"%s.%09dZ" % (self._text, rest)


class LineCutter:
    """Cuts one stream's bytes into log lines: (text, whether the line goes on)."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        found: list[tuple[bytes, bool]] = []
        for line in lines:
            parts = [line[at : at + LINE_BYTES] for at in range(0, len(line), LINE_BYTES)] or [b""]
            found += [(part, True) for part in parts[:-1]] + [(parts[-1], False)]
        while len(self._rest) > LINE_BYTES:
            found.append((self._rest[:LINE_BYTES], True))
            self._rest = self._rest[LINE_BYTES:]
        return found

    def finish(self) -> list[tuple[bytes, bool]]:
        """What was left without its end of line."""
        rest, self._rest = self._rest, b""
        return [(rest, False)] if rest else []


class ContainerLog:
    """
    Writes one log file, and wakes those who follow it.

    A disk that is full costs lines, never the container: the loss is told once, and writing goes on when it can.
    """

    def __init__(self, path: Path, *, now_ns: Callable[[], int] = time.time_ns) -> None:
        self.path = path
        self.ended = False
        self._now_ns = now_ns
        self._prefix = TimePrefix()
        self._cutters = {"stdout": LineCutter(), "stderr": LineCutter()}
        self._followers: set[asyncio.Event] = set()
        self._failing = False
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("ab", buffering=0)
        self._size = self._file.tell()

    def write(self, stream: str, data: bytes) -> None:
        """Bytes as the container wrote them to `stdout` or `stderr`."""
        self._append(stream, self._cutters[stream].feed(data))

    def end(self) -> None:
        """The container has ended and everything it wrote is here. Harmless twice."""
        if self.ended:
            return
        for stream, cutter in self._cutters.items():
            self._append(stream, cutter.finish())
        self.ended = True
        self._file.close()
        self._wake()

    @contextlib.contextmanager
    def following(self):  # type: ignore[no-untyped-def]  # a context manager of an Event
        """An event that is set whenever there is more to read, and at the end."""
        event = asyncio.Event()
        self._followers.add(event)
        try:
            yield event
        finally:
            self._followers.discard(event)

    def _append(self, stream: str, lines: list[tuple[bytes, bool]]) -> None:
        if not lines or self.ended:
            return
        moment, name = self._now_ns(), stream.encode()
        text = b"".join(
            b"%s %s %s %s\n" % (self._prefix.of(moment + place), name, b"P" if more else b"F", line)
            for place, (line, more) in enumerate(lines)
        )
        try:
            if self._size >= FILE_BYTES:
                self._rotate()
            self._file.write(text)
        except OSError as refused:
            if not self._failing:
                _log.error("log lines are lost: %s: %s", self.path, refused)
            self._failing = True
            return
        self._failing = False
        self._size += len(text)
        self._wake()

    def _rotate(self) -> None:
        moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self._now_ns() // 1_000_000_000))
        aside = self.path.with_name(f"{self.path.name}.{moment}")
        number = 0
        while aside.exists():
            number += 1
            aside = self.path.with_name(f"{self.path.name}.{moment}.{number:03d}")
        os.rename(self.path, aside)
        self._file.close()
        self._file = self.path.open("ab", buffering=0)
        self._size = 0
        put_aside = sorted(self.path.parent.glob(f"{self.path.name}.*"))
        for old in put_aside[: -(FILES_MAX - 1)]:
            old.unlink(missing_ok=True)

    def _wake(self) -> None:
        for event in self._followers:
            event.set()
