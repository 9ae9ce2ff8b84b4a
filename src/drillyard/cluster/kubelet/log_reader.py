"""
Reads a container's log as `kubectl logs` asks for it: tail, since, timestamps, limitBytes, and following to the end.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from drillyard.cluster.client import LogOptions
from drillyard.cluster.kubelet.container_log import ContainerLog

_BLOCK_BYTES = 64 * 1024


def tail_offset(file: BinaryIO, lines: int) -> int:
    """Where the last so many lines of the file begin."""
    end = at = file.seek(0, os.SEEK_END)
    if lines <= 0:
        return end
    missing = lines + 1  # The last line's own end does not count.
    while at > 0:
        start = max(0, at - _BLOCK_BYTES)
        file.seek(start)
        block = file.read(at - start)
        found = len(block)
        while (found := block.rfind(b"\n", 0, found)) >= 0:
            missing -= 1
            if missing == 0:
                return start + found + 1
        at = start
    return 0


class LineFilter:
    """Turns CRI lines into what the client sees."""

    def __init__(self, options: LogOptions, now: datetime) -> None:
        since = options.since_time
        if options.since_s is not None:
            since = now - timedelta(seconds=options.since_s)
        self._since = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").encode() if since else b""
        self._timestamps = options.timestamps
        self._left = options.limit_bytes
        self._in_line = False

    @property
    def exhausted(self) -> bool:
        """True once `limitBytes` have been given out."""
        return self._left is not None and self._left <= 0

    def show(self, line: bytes) -> bytes:
        """One line of the file, with its end, as the client gets it; b"" for one that it does not get."""
        parts = line.removesuffix(b"\n").split(b" ", 3)
        if len(parts) < 4:
            return b""
        moment, _, tag, text = parts
        if self._since and moment < self._since:
            return b""
        shown = text if tag == b"P" else text + b"\n"
        if self._timestamps and not self._in_line:
            shown = moment + b" " + shown
        self._in_line = tag == b"P"
        if self._left is not None:
            shown = shown[: self._left]
            self._left -= len(shown)
        return shown


async def read_log(
    path: Path, options: LogOptions, now: datetime, live: ContainerLog | None
) -> AsyncGenerator[bytes, None]:
    """
    The log in pieces. `live` is its writer while the container runs: with `follow`, reading goes on until that ends.

    Raises FileNotFoundError before the first piece.
    """
    shown = LineFilter(options, now)
    file: BinaryIO = path.open("rb")
    try:
        file.seek(tail_offset(file, options.tail_lines) if options.tail_lines is not None else 0)
        if not options.follow or live is None:
            for piece in _pieces(file, shown):
                yield piece
            return
        with live.following() as more:
            while True:
                more.clear()
                ended = live.ended
                for piece in _pieces(file, shown):
                    yield piece
                if ended or shown.exhausted:
                    return
                fresh = _successor(file, path)
                if fresh is not None:
                    file.close()
                    file = fresh
                    continue
                await more.wait()
    finally:
        file.close()


def _pieces(file: BinaryIO, shown: LineFilter) -> Iterator[bytes]:
    """What the file has now, whole lines only, in pieces of about a block."""
    while not shown.exhausted:
        start = file.tell()
        block = file.read(_BLOCK_BYTES)
        whole = block.rfind(b"\n") + 1
        if not whole:
            file.seek(start)
            return
        file.seek(start + whole)
        piece = b"".join(shown.show(line) for line in block[:whole].splitlines(keepends=True))
        if piece:
            yield piece


def _successor(file: BinaryIO, path: Path) -> BinaryIO | None:
    """The file that took this one's place when the log was put aside."""
    try:
        if os.fstat(file.fileno()).st_ino != os.stat(path).st_ino:
            return path.open("rb")
    except FileNotFoundError:
        return None
    return None
