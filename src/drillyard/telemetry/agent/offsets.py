"""
How far each log file has been delivered, so that a restarted agent goes on where it was.

An offset is recorded only after the intake (or the disk buffer) has the lines before it: after a crash some lines may
be sent twice, but none is left out.
"""

from __future__ import annotations

from pathlib import Path

import orjson

from drillyard.base.files import write_atomically


class Offsets:
    """Delivered bytes by file path; a file's head (`TailedFile.head`) tells it from its successor at the path."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _read(path)
        self._changed = False

    def get(self, file: str) -> tuple[int, int] | None:
        """(head, offset) of a file."""
        return self._known.get(file)

    def advance(self, file: str, head: int, offset: int) -> None:
        """The lines before the offset are delivered."""
        if self._known.get(file) != (head, offset):
            self._known[file] = (head, offset)
            self._changed = True

    def forget(self, file: str) -> None:
        """The file is gone and delivered."""
        self._changed |= self._known.pop(file, None) is not None

    def save(self) -> None:
        """Writes the file if anything changed. Raises OSError."""
        if self._changed:
            write_atomically(self._path, orjson.dumps(self._known))
            self._changed = False


def _read(path: Path) -> dict[str, tuple[int, int]]:
    """A damaged file counts as none: lines are sent again rather than lost."""
    try:
        found = orjson.loads(path.read_bytes())
        return {str(file): (int(head), int(offset)) for file, (head, offset) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
