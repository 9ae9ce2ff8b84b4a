"""
Lines that are one log: a stack trace travels with the line that it belongs to.

A log goes on until a line of the same file begins the next one, or until nothing has come for FLUSH_S (the Datadog
agent's own limit), or it is as long as a log may be. Until then its file's offset stays before it, so that a killed
agent reads all of it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from re import Pattern

from drillyard.base.clock import Clock
from drillyard.telemetry.agent.tail import TEXT_MAX, Line

FLUSH_S = 1.0


@dataclass
class _Open:
    lines: list[Line] = field(default_factory=list)
    length: int = 0
    last_s: float = 0.0


class Joiner:
    """The unfinished logs of all files."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: dict[str, _Open] = {}

    def add(self, line: Line, begins: Pattern[str]) -> Iterator[Line]:
        """Takes a line; gives the log that it ends."""
        found = self._open.get(line.file)
        if found and (begins.search(line.text) or found.length + len(line.text) > TEXT_MAX):
            yield self._close(line.file)
            found = None
        if found is None:
            found = self._open[line.file] = _Open()
        found.lines.append(line)
        found.length += len(line.text) + 1
        found.last_s = self._clock.monotonic_s()

    def ripe(self) -> Iterator[Line]:
        """The logs to which nothing was added for a while."""
        limit_s = self._clock.monotonic_s() - FLUSH_S
        for file in [file for file, found in self._open.items() if found.last_s <= limit_s]:
            yield self._close(file)

    def rest(self) -> Iterator[Line]:
        """All of them: the agent ends."""
        for file in list(self._open):
            yield self._close(file)

    def _close(self, file: str) -> Line:
        """Time and stream of the first line, the place in the file of the last."""
        lines = self._open.pop(file).lines
        first, last = lines[0], lines[-1]
        text = "\n".join(line.text for line in lines)
        truncated = any(line.truncated for line in lines)
        return replace(first, head=last.head, end=last.end, text=text, truncated=truncated)
