"""
The lines of a graph, and the grid of times that they share.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Grid:
    """Buckets of `step_s` seconds from `from_s` to `to_s`, aligned to the epoch."""

    from_s: int
    to_s: int
    step_s: int

    def times(self) -> range:
        """The start of each bucket."""
        return range(self.from_s // self.step_s * self.step_s, self.to_s + 1, self.step_s)


@dataclass(frozen=True)
class Line:
    """One line of a graph: the tags of its group, and a value for some of the grid's times."""

    tags: tuple[str, ...]
    values: Mapping[int, float]
    metric: str = ""
    scope: str = "*"
    aggregator: str | None = None
    constant: bool = field(default=False, compare=False)
