"""
Monitor queries: `avg(last_5m):avg:m{*} < 1`, `change(avg(last_5m),last_1h):avg:m{*} > 5`,
`logs("…").index("*").rollup("count").last("5m") > 10`, and the like.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.logs.aggregate import AGGREGATIONS, facet
from drillyard.telemetry.logs.query import QueryError, parse
from drillyard.telemetry.metrics.query.nodes import Call, Expression, MetricQueryError, Number, Operation
from drillyard.telemetry.metrics.query.parser import parse_query
from drillyard.telemetry.times import TimeError, parse_duration

WINDOW_MAX_S = 7 * 86_400
METRIC_TYPES = ("metric alert", "query alert")
TYPES = (*METRIC_TYPES, "log alert", "event-v2 alert", "service check")

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}

_NUMBER = r"-?\d+(?:\.\d+)?"
_METRIC = re.compile(rf"\s*(avg|sum|min|max)\(last_(\w+)\)\s*:(.+?)(>=|<=|>|<)\s*({_NUMBER})\s*", re.DOTALL)
_CHANGE = re.compile(r"\s*(pct_)?change\(\s*((?:avg|sum|min|max)\(last_\w+\))\s*,\s*last_(\w+)\s*\)\s*(:.+)", re.DOTALL)
_COMPARED = re.compile(rf"\s*(>=|<=|>|<)\s*({_NUMBER})\s*")
_STEP = re.compile(r'\s*\.?\s*(\w+)\s*\(\s*((?:"(?:[^"\\]|\\.)*"|[\w\s,.])*?)\s*\)')
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_CHECK = re.compile(r'\s*"([^"]{1,200})"')


class MonitorQueryError(DrillyardError):
    """Worded as Datadog words it: the value provided for parameter 'query' is invalid, and why."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The value provided for parameter 'query' is invalid: {why}")


@dataclass(frozen=True)
class MetricQuestion:
    """The metric's value over the window, by `method`, compared with `critical`."""

    expression: Expression
    method: Literal["avg", "sum", "min", "max"]
    window_s: int
    comparison: str
    critical: float


@dataclass(frozen=True)
class RecordQuestion:
    """Logs or events that match, counted or summed up over the window, by group."""

    source: Literal["logs", "events"]
    query: str
    aggregation: str
    metric: str
    by: tuple[str, ...]
    window_s: int
    comparison: str
    critical: float


@dataclass(frozen=True)
class CheckQuestion:
    """How many of the last `last` results of a check were not OK, by group."""

    check: str
    over: tuple[str, ...]
    by: tuple[str, ...]
    last: int


Question = MetricQuestion | RecordQuestion | CheckQuestion


def parse_monitor_query(kind: str, text: str) -> Question:
    """The question of a monitor of one of TYPES. Raises MonitorQueryError."""
    try:
        if kind in METRIC_TYPES:
            return _metric(text)
        if kind == "service check":
            return _check(text)
        return _records(text, "logs" if kind == "log alert" else "events")
    except (QueryError, MetricQueryError, TimeError) as wrong:
        raise MonitorQueryError(str(wrong)) from wrong


def _metric(text: str) -> MetricQuestion:
    change = _CHANGE.fullmatch(text)
    if change:
        question = _metric(change[2] + change[4])
        now, before = question.expression, Call("timeshift", question.expression, (-float(_window_s(change[3])),))
        difference: Expression = Operation("-", now, before)
        if change[1]:
            difference = Operation("*", Operation("/", difference, before), Number(100.0))
        return replace(question, expression=difference)
    found = _METRIC.fullmatch(text)
    if not found:
        raise MonitorQueryError("it must read like avg(last_5m):avg:some.metric{scope} > 1")
    method, window, query, comparison, critical = found.groups()
    assert method in ("avg", "sum", "min", "max")
    return MetricQuestion(parse_query(query), method, _window_s(window), comparison, float(critical))  # type: ignore[arg-type]


def _window_s(text: str) -> int:
    seconds = parse_duration(text) // 1000
    if seconds > WINDOW_MAX_S:
        raise MonitorQueryError(f"a window is at most {WINDOW_MAX_S // 86_400} days long")
    return seconds


def _steps(text: str) -> tuple[list[tuple[str, list[str]]], str]:
    """The calls of a chain with their texts, and what follows them."""
    steps, at = [], 0
    while found := _STEP.match(text, at):
        quoted = [re.sub(r"\\(.)", r"\1", part) for part in _TEXT.findall(found[2])]
        steps.append((found[1], quoted or [part.strip() for part in found[2].split(",") if part.strip()]))
        at = found.end()
    return steps, text[at:]


def _records(text: str, source: Literal["logs", "events"]) -> RecordQuestion:
    steps, rest = _steps(text)
    compared = _COMPARED.fullmatch(rest)
    calls = dict(steps)
    if not steps or steps[0][0] != source or len(steps[0][1]) != 1 or not compared or "last" not in calls:
        raise MonitorQueryError(f'it must read like {source}("query").rollup("count").last("5m") > 1')
    unknown = calls.keys() - {source, "index", "rollup", "by", "last"}
    if unknown:
        raise MonitorQueryError(f".{min(unknown)}() is not known")
    rollup = calls.get("rollup") or ["count"]
    aggregation, metric = rollup[0], rollup[1] if len(rollup) > 1 else ""
    if aggregation not in AGGREGATIONS or (aggregation != "count" and not metric):
        raise MonitorQueryError(f"rollup takes one of {', '.join(AGGREGATIONS)}, and a metric unless it counts")
    by = tuple(name.strip() for part in calls.get("by", []) for name in part.split(",") if name.strip())
    for name in (*by, *([metric] if metric else [])):
        facet(name)
    parse(steps[0][1][0])
    window_s = _window_s("".join(calls["last"]))
    return RecordQuestion(source, steps[0][1][0], aggregation, metric, by, window_s, compared[1], float(compared[2]))


def _check(text: str) -> CheckQuestion:
    found = _CHECK.match(text)
    steps, rest = _steps(text[found.end() :]) if found else ([], "")
    calls = dict(steps)
    last = "".join(calls.get("last", ["1"]))
    if not found or "count_by_status" not in calls or rest.strip() or not last.isdecimal() or not 1 <= int(last) <= 100:
        raise MonitorQueryError('it must read like "check".over("tag").by("host").last(3).count_by_status()')
    return CheckQuestion(found[1], tuple(calls.get("over", ["*"])), tuple(calls.get("by", [])), int(last))
