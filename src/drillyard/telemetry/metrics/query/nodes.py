"""
The tree of a metric query.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.logs.query.nodes import Node

SpaceAggregator = Literal["avg", "sum", "min", "max", "count"]
TimeAggregator = Literal["avg", "sum", "min", "max", "count"]


class MetricQueryError(DrillyardError):
    """A metric query that cannot be understood; the message names the column."""


@dataclass(frozen=True)
class Fill:
    """What stands where a series has no point: `null`, `zero`, `last` or `linear`, for at most so many seconds."""

    how: str = "null"
    limit_s: int | None = None


@dataclass(frozen=True)
class Select:
    """`avg:metric{scope} by {tags}` with its modifiers. `percentile` stands for an aggregator such as p95."""

    metric: str
    scope: Node
    scope_text: str = "*"
    aggregator: SpaceAggregator = "avg"
    percentile: float | None = None
    by: tuple[str, ...] = ()
    as_count: bool = False
    as_rate: bool = False
    rollup: TimeAggregator | None = None
    rollup_s: int | None = None
    fill: Fill = field(default_factory=Fill)


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True)
class Name:
    """A query of the request, by its name; only in formulas."""

    name: str


@dataclass(frozen=True)
class Operation:
    """`left + right` and the like."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Call:
    """A function over an expression; further arguments are numbers or words."""

    function: str
    operand: Expression
    arguments: tuple[float | str, ...] = ()


Expression = Select | Number | Name | Operation | Call
