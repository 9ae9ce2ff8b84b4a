"""
All container log files of the node: which there are, and what is new in them.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from drillyard.telemetry.agent.offsets import Offsets
from drillyard.telemetry.agent.tail import Line, Source, TailedFile

FILES_MAX = 1_000

_LOG = re.compile(r"\d+\.log")
_QUIET_READS_AFTER_END = 3
"""A file whose path is gone is let go after so many reads without a new line: its writer may still be flushing."""


class Tailer:
    """Must be closed."""

    def __init__(self, root: Path, offsets: Offsets) -> None:
        self._root = root
        self._offsets = offsets
        self._files: dict[str, TailedFile] = {}
        self._leaving: dict[TailedFile, int] = {}

    @property
    def open_files(self) -> int:
        """How many files are followed."""
        return len(self._files) + len(self._leaving)

    def close(self) -> None:
        """Lets all files go."""
        for file in [*self._files.values(), *self._leaving]:
            file.close()
        self._files.clear()
        self._leaving.clear()

    def scan(self) -> None:
        """Looks for new files; after a restart also for the ones that were rotated away meanwhile."""
        for name, path, source in _found(self._root):
            if name not in self._files and len(self._files) < FILES_MAX:
                with contextlib.suppress(FileNotFoundError):
                    self._open(name, path, source)

    def _open(self, name: str, path: Path, source: Source) -> None:
        known = self._offsets.get(name)
        file = TailedFile(path, name, source)
        if known and known[0] == file.inode:
            file.close()
            file = TailedFile(path, name, source, known[1])
        elif known:
            self._finish_rotated(name, path, source, known)
        self._files[name] = file

    def _finish_rotated(self, name: str, path: Path, source: Source, known: tuple[int, int]) -> None:
        """Takes up the file last read, and those that came between it and the present one."""
        inode, offset = known
        rotated = [(old.stat(), old) for old in path.parent.glob(f"{path.name}.*") if old.suffix != ".gz"]
        rotated.sort(key=lambda pair: pair[0].st_mtime_ns)
        places = [number for number, (status, _) in enumerate(rotated) if status.st_ino == inode]
        for number, (_, old) in enumerate(rotated[places[0] :] if places else []):
            self._leaving[TailedFile(old, name, source, offset if number == 0 else 0)] = 0

    def read(self) -> Iterator[Line]:
        """New lines, file by file; the rotated file's before its successor's."""
        for file in list(self._leaving):
            yield from self._read_last(file)
        for name, file in list(self._files.items()):
            yield from file.read()
            if file.replaced():
                del self._files[name]
                self._leaving[file] = 0
                yield from self._read_last(file)
                if file.path.exists():
                    with contextlib.suppress(FileNotFoundError):
                        self._files[name] = TailedFile(file.path, name, file.source)

    def _read_last(self, file: TailedFile) -> Iterator[Line]:
        lines = file.read()
        self._leaving[file] = 0 if lines else self._leaving[file] + 1
        yield from lines
        if self._leaving[file] >= _QUIET_READS_AFTER_END:
            file.close()
            del self._leaving[file]
            if file.name not in self._files:
                self._offsets.forget(file.name)


def _found(root: Path) -> Iterator[tuple[str, Path, Source]]:
    for pod in _folders(root):
        parts = pod.name.split("_")
        if len(parts) != 3:
            continue
        for container in _folders(Path(pod.path)):
            source = Source(parts[0], parts[1], parts[2], container.name)
            with contextlib.suppress(OSError), os.scandir(container.path) as entries:
                for entry in entries:
                    if _LOG.fullmatch(entry.name):
                        yield f"{pod.name}/{container.name}/{entry.name}", Path(entry.path), source


def _folders(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return [entry for entry in entries if entry.is_dir()]
    except OSError:
        return []
