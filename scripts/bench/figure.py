"""What a section of the bench gives back: figures with their rounds, and text for people."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One thing measured in several rounds of one run: what (with its unit), the values."""

    what: str
    values: Sequence[float]

    def plain(self) -> dict[str, Any]:
        """Median, smallest, largest and the number of rounds; large figures without decimals."""

        def short(value: float) -> float:
            return round(value) if abs(value) >= 1000 else round(value, 2)

        return {
            "what": self.what,
            "median": short(statistics.median(self.values)),
            "min": short(min(self.values)),
            "max": short(max(self.values)),
            "rounds": len(self.values),
        }


@dataclass
class Section:
    """The figures of one file of the bench, and Markdown that stands below their table (profiles, what was not run)."""

    figures: list[Figure] = field(default_factory=list)
    text: str = ""
