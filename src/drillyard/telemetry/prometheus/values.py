"""
What a PromQL expression can be: a number, a text, samples at one moment, or points over a range.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drillyard.base.errors import DrillyardError

Labels = dict[str, str]
NAME = "__name__"


class PromqlError(DrillyardError):
    """An expression that cannot be understood or computed."""


@dataclass(frozen=True)
class Sample:
    """One series at one moment."""

    labels: Labels
    value: float


@dataclass(frozen=True)
class Track:
    """One series over a range: times in seconds, oldest first, and their values."""

    labels: Labels
    times: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True)
class Span:
    """The tracks of a range selector, and the range itself: (start_s, end_s]."""

    tracks: Sequence[Track]
    start_s: float
    end_s: float


Vector = list[Sample]
Value = float | str | Vector | Span


def without_name(labels: Labels) -> Labels:
    """What is left after any computation: the result is not the metric any more."""
    return {name: value for name, value in labels.items() if name != NAME}


def key_of(labels: Labels) -> tuple[tuple[str, str], ...]:
    """Equal for equal label sets."""
    return tuple(sorted(labels.items()))
