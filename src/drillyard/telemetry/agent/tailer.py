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
WAITING_FILES_MAX = 5
"""Rotated files of one container that are kept open until they are read."""

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
        self.files_beyond = 0
        """Files that are not followed, because FILES_MAX are."""
        self.bytes_lost = 0
        """Of rotated files that had to be let go unread."""

    @property
    def open_files(self) -> int:
        """How many files are followed."""
        return len(self._files) + len(self._leaving)

    @property
    def behind(self) -> bool:
        """Whether some file has more than one read takes."""
        return any(file.behind for file in [*self._files.values(), *self._leaving])

    def close(self) -> None:
        """Lets all files go."""
        for file in [*self._files.values(), *self._leaving]:
            file.close()
        self._files.clear()
        self._leaving.clear()

    def scan(self) -> None:
        """Looks for new files, and for those that were rotated away, also while nothing is read."""
        self.files_beyond = 0
        for name, path, source in _found(self._root):
            if name in self._files:
                continue
            if len(self._files) >= FILES_MAX:
                self.files_beyond += 1
                continue
            with contextlib.suppress(FileNotFoundError):
                self._open(name, path, source)
        for file in list(self._files.values()):
            if file.replaced():
                self._leave(file)

    def _open(self, name: str, path: Path, source: Source) -> None:
        known = self._offsets.get(name)
        file = TailedFile(path, name, source)
        if known and known[0] == file.head:
            file.close()
            file = TailedFile(path, name, source, known[1])
        elif known:
            self._finish_rotated(file, known)
        self._files[name] = file

    def _finish_rotated(self, present: TailedFile, known: tuple[int, int]) -> None:
        """Takes up the file last read, and those that came between it and the present one."""
        head, offset = known
        for _, old in _rotated(present):
            with contextlib.suppress(FileNotFoundError):
                file = TailedFile(old, present.name, present.source)
                if file.head == head:  # Those before it were read.
                    self._forget_leaving(present.name)
                    file.close()
                    file = TailedFile(old, present.name, present.source, offset)
                self._leaving[file] = 0
        # Where the file last read is gone, all are newer: a runtime removes the oldest first.

    def read(self) -> Iterator[Line]:
        """
        New lines, file by file. A rotated file's successor waits until nothing is left in it: were the successor's
        lines delivered first, an agent that starts again would take the rest for delivered, too.
        """
        behind: set[str] = set()
        for file in list(self._leaving):
            if file.name not in behind:
                lines = self._read_last(file)
                if lines:
                    behind.add(file.name)
                yield from lines
        for file in list(self._files.values()):
            if file.name not in behind:
                yield from file.read()
                if file.replaced():
                    self._leave(file)

    def _leave(self, file: TailedFile) -> None:
        """Its path names another file or none: it is read to its end, then those that came since, then the present."""
        del self._files[file.name]
        self._leaving[file] = 0
        present = None
        with contextlib.suppress(FileNotFoundError):
            present = self._files[file.name] = TailedFile(file.path, file.name, file.source)
        taken = {one.inode for one in [*self._leaving, present or file]}
        for status, old in _rotated(file):
            if status.st_ino not in taken and status.st_mtime_ns >= file.modified_ns:
                with contextlib.suppress(FileNotFoundError):
                    self._leaving[TailedFile(old, file.name, file.source)] = 0
        self._let_go_of_too_many(file.name)

    def _forget_leaving(self, name: str) -> None:
        for file in [file for file in self._leaving if file.name == name]:
            file.close()
            del self._leaving[file]

    def _let_go_of_too_many(self, name: str) -> None:
        """While nothing is read, a container's old files must not fill the disk: the oldest goes, and is counted."""
        waiting = [file for file in self._leaving if file.name == name]
        for file in waiting[:-WAITING_FILES_MAX]:
            self.bytes_lost += file.unread_bytes
            file.close()
            del self._leaving[file]

    def _read_last(self, file: TailedFile) -> list[Line]:
        lines = file.read()
        self._leaving[file] = 0 if lines else self._leaving[file] + 1
        if self._leaving[file] >= _QUIET_READS_AFTER_END:
            file.close()
            del self._leaving[file]
            if file.name not in self._files and not any(other.name == file.name for other in self._leaving):
                self._offsets.forget(file.name)
        return lines


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


def _rotated(file: TailedFile) -> list[tuple[os.stat_result, Path]]:
    """The files that its path named before, the oldest first."""
    found = []
    for old in file.path.parent.glob(f"{file.path.name}.*"):
        with contextlib.suppress(FileNotFoundError):
            if old.suffix != ".gz":
                found.append((old.stat(), old))
    return sorted(found, key=lambda pair: (pair[0].st_mtime_ns, pair[1].name))


def _folders(path: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return [entry for entry in entries if entry.is_dir()]
    except OSError:
        return []
