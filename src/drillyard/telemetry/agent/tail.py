"""
One container log file, followed across growth, rotation, truncation and deletion.

The file stays open, so that what was written before a rotation or a deletion can still be read to its end.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

from drillyard.telemetry.agent.cri import parse_line

CHUNK = 256 * 1024
HEAD = 64
"""Bytes by which a file is known again."""
TEXT_MAX = 900_000
"""Characters of one log, below Datadog's limit of 1 MB; the rest is cut."""


@dataclass(frozen=True)
class Source:
    """Where a file belongs, by its path `NAMESPACE_POD_UID/CONTAINER/RESTART.log`."""

    namespace: str
    pod: str
    uid: str
    container: str


@dataclass(frozen=True)
class Line:
    """One log as written. Delivered, it makes the offset of the file with this `head` `end`."""

    source: Source
    file: str
    head: int
    end: int
    timestamp_us: int
    stream: str
    text: str
    truncated: bool


@dataclass
class _Unfinished:
    """The parts of a line that goes on, and where in the file the first begins."""

    start: int
    parts: list[str] = field(default_factory=list)
    length: int = 0


class TailedFile:
    """Must be closed. `path` may come to mean another file; this one keeps reading its own until told to stop."""

    def __init__(self, path: Path, name: str, source: Source, offset: int = 0) -> None:
        self.path = path
        self.name = name
        self.source = source
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.inode = os.fstat(self._file).st_ino
        self.head = _head(self._file)
        """What it begins with, as a number; 0 while it is empty. An inode's number may be another file's tomorrow."""
        self._offset = offset
        self.behind = False
        """Whether the last read left something for the next."""
        self._unfinished: dict[str, _Unfinished] = {}
        """By stream: a runtime may write a line of one between two parts of the other's."""

    def close(self) -> None:
        """Closes the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    @property
    def unread_bytes(self) -> int:
        """How much is there and was not read."""
        return max(0, os.fstat(self._file).st_size - self._offset)

    @property
    def modified_ns(self) -> int:
        """When it was last written to."""
        return os.fstat(self._file).st_mtime_ns

    def replaced(self) -> bool:
        """Whether the path now names another file, or none."""
        try:
            found = os.stat(self.path)
        except FileNotFoundError:
            return True
        return found.st_ino != self.inode

    def read(self) -> list[Line]:
        """The whole lines that have come since, at most CHUNK bytes of them."""
        size = os.fstat(self._file).st_size
        self.behind = size - self._offset > CHUNK
        if size == self._offset:
            return []
        if size < self._offset:  # Truncated in place.
            self._offset = self.head = 0
            self._unfinished.clear()
        self.head = self.head or _head(self._file)
        data = os.pread(self._file, CHUNK, self._offset)
        end = data.rfind(b"\n") + 1
        if not end:
            if len(data) < CHUNK:
                return []
            end = len(data)  # No runtime writes such a line; pass it over rather than wait for its end forever.
        lines, position = [], self._offset
        for raw in data[:end].splitlines(keepends=True):
            start, position = position, position + len(raw)
            line = self._take(raw.rstrip(b"\r\n"), start, position)
            if line:
                lines.append(line)
        self._offset = position
        return lines

    def _take(self, raw: bytes, start: int, end: int) -> Line | None:
        parsed = parse_line(raw)
        if parsed is None:
            return None
        found = self._unfinished.setdefault(parsed.stream, _Unfinished(start))
        if found.length < TEXT_MAX:
            found.parts.append(parsed.text)
        found.length += len(parsed.text)
        if parsed.partial:
            return None
        del self._unfinished[parsed.stream]
        text, truncated = "".join(found.parts)[:TEXT_MAX], found.length > TEXT_MAX
        # An agent that starts again begins before what the other stream has not finished.
        end = min([end, *(other.start for other in self._unfinished.values())])
        return Line(self.source, self.name, self.head, end, parsed.timestamp_us, parsed.stream, text, truncated)


def _head(file: int) -> int:
    """Of the first line's beginning, which bears a time in nanoseconds; 0 until it is whole."""
    begin, newline, _ = os.pread(file, HEAD, 0).partition(b"\n")
    return crc32(begin) if newline or len(begin) == HEAD else 0
