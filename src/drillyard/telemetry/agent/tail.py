"""
One container log file, followed across growth, rotation, truncation and deletion.

The file stays open, so that what was written before a rotation or a deletion can still be read to its end.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from drillyard.telemetry.agent.cri import parse_line

CHUNK = 256 * 1024
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
    """One log as written. Delivered, it makes the file's offset `end`."""

    source: Source
    file: str
    inode: int
    end: int
    timestamp_us: int
    stream: str
    text: str
    truncated: bool


class TailedFile:
    """Must be closed. `path` may come to mean another file; this one keeps reading its own until told to stop."""

    def __init__(self, path: Path, name: str, source: Source, offset: int = 0) -> None:
        self.path = path
        self.name = name
        self.source = source
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.inode = os.fstat(self._file).st_ino
        self._offset = offset
        self._parts: list[str] = []
        self._parts_length = 0

    def close(self) -> None:
        """Closes the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

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
        if size == self._offset:
            return []
        if size < self._offset:  # Truncated in place.
            self._offset, self._parts, self._parts_length = 0, [], 0
        data = os.pread(self._file, CHUNK, self._offset)
        end = data.rfind(b"\n") + 1
        if not end:
            if len(data) < CHUNK:
                return []
            end = len(data)  # No runtime writes such a line; pass it over rather than wait for its end forever.
        lines, position = [], self._offset
        for raw in data[:end].splitlines(keepends=True):
            position += len(raw)
            line = self._take(raw.rstrip(b"\r\n"), position)
            if line:
                lines.append(line)
        self._offset = position
        return lines

    def _take(self, raw: bytes, end: int) -> Line | None:
        parsed = parse_line(raw)
        if parsed is None:
            return None
        if self._parts_length < TEXT_MAX:
            self._parts.append(parsed.text)
        self._parts_length += len(parsed.text)
        if parsed.partial:
            return None
        text, truncated = "".join(self._parts)[:TEXT_MAX], self._parts_length > TEXT_MAX
        self._parts, self._parts_length = [], 0
        return Line(self.source, self.name, self.inode, end, parsed.timestamp_us, parsed.stream, text, truncated)
