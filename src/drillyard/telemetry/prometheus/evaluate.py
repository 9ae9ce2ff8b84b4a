"""
Evaluates PromQL at one moment, or at each step of a range.

The syntax is promql-parser's; the meaning is ours, after Prometheus' documentation ("Querying basics", "Operators",
"Functions"). Series are read once for each selector, for all steps.
"""

from __future__ import annotations

import bisect
import math
import time
from typing import Any

from drillyard.telemetry.prometheus.aggregate import aggregate
from drillyard.telemetry.prometheus.binary import Matching, binary
from drillyard.telemetry.prometheus.functions import call
from drillyard.telemetry.prometheus.label_functions import check_distinct
from drillyard.telemetry.prometheus.rates import RANGE_FUNCTIONS, over_range, predicted, quantile
from drillyard.telemetry.prometheus.source import Matcher, Source, matcher
from drillyard.telemetry.prometheus.values import (
    NAME,
    PromqlError,
    Sample,
    Span,
    Track,
    Value,
    Vector,
    key_of,
    without_name,
)

LOOKBACK_S = 300.0
"""An instant selector sees a point for so long."""
POINTS_MAX = 11_000
LENGTH_MAX = 8_192
NESTING_MAX = 50
EVALUATION_S = 10.0
DEFAULT_STEP_S = 15.0
_OPERATORS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


def parse_promql(text: str) -> Any:
    """promql-parser's tree. Raises PromqlError."""
    if len(text) > LENGTH_MAX or text.count("(") > NESTING_MAX:
        raise PromqlError(
            f"The expression is longer than {LENGTH_MAX} characters or has more than {NESTING_MAX} brackets."
        )
    try:
        import promql_parser  # Loaded when first needed: most servers are never asked for PromQL.
    except ImportError as absent:
        raise PromqlError("PromQL needs the package promql-parser, which is not installed.") from absent
    try:
        return promql_parser.parse(text)
    except ValueError as wrong:
        raise PromqlError(f'invalid parameter "query": parse error: {wrong}') from wrong


class Evaluation:
    """One question over one time range. Raises PromqlError from its methods."""

    def __init__(self, text: str, source: Source, start_s: float, end_s: float) -> None:
        self._tree = parse_promql(text)
        self._source = source
        self._start_s = float(start_s)
        self._end_s = float(end_s)
        self._tracks: dict[tuple[Any, ...], list[Track]] = {}
        self._deadline_s = time.monotonic() + EVALUATION_S
        self._reach_s = LOOKBACK_S + _durations(self._tree)
        self._matchers: dict[str, list[Matcher]] = {}

    def at(self, at_s: float) -> Value:
        """The value at one moment."""
        if time.monotonic() > self._deadline_s:
            raise PromqlError(f"The evaluation took longer than {EVALUATION_S:.0f} s.")
        return self._value(self._tree, float(at_s))

    def over(self, step_s: float) -> list[Track]:
        """A track for each series of the result, at each step."""
        if step_s <= 0 or (self._end_s - self._start_s) / step_s > POINTS_MAX:
            raise PromqlError(f"exceeded maximum resolution of {POINTS_MAX} points per timeseries.")
        found: dict[tuple[tuple[str, str], ...], tuple[list[float], list[float]]] = {}
        for number in range(int((self._end_s - self._start_s) / step_s) + 1):
            at_s = self._start_s + number * step_s
            value = self.at(at_s)
            if isinstance(value, float):
                value = [Sample({}, value)]
            if not isinstance(value, list):
                raise PromqlError("A range query needs a number or an instant vector.")
            for sample in value:
                times, values = found.setdefault(key_of(sample.labels), ([], []))
                times.append(at_s)
                values.append(sample.value)
        return [Track(dict(key), times, values) for key, (times, values) in sorted(found.items())]

    def _value(self, node: Any, at_s: float) -> Value:
        kind = type(node).__name__
        match kind:
            case "NumberLiteral" | "StringLiteral":
                return float(node.val) if kind == "NumberLiteral" else str(node.val)
            case "ParenExpr":
                return self._value(node.expr, at_s)
            case "UnaryExpr":
                return _distinct(binary("*", -1.0, self._value(node.expr, at_s), Matching()))
            case "VectorSelector":
                return self._instant(node, self._moment(node, at_s))
            case "MatrixSelector":
                return self._range(node, at_s)
            case "SubqueryExpr":
                return self._subquery(node, at_s)
            case "AggregateExpr":
                return self._aggregate(node, at_s)
            case "BinaryExpr":
                left, right = self._value(node.lhs, at_s), self._value(node.rhs, at_s)
                return _distinct(binary(str(node.op), left, right, _matching(node.modifier)))
            case "Call":
                return _distinct(self._call(node, at_s))
        raise PromqlError(f"{kind} is not available here.")

    def _moment(self, node: Any, at_s: float) -> float:
        """`@` first, then `offset`."""
        if node.at is not None:
            kind = str(node.at.type).rpartition(".")[2]
            at_s = {"Start": self._start_s, "End": self._end_s}.get(kind, 0.0) or node.at.at.timestamp()
        return at_s - (node.offset.total_seconds() if node.offset is not None else 0.0)

    def _select(self, node: Any, at_s: float) -> list[Track]:
        text = str(node)
        if text not in self._matchers:
            self._matchers[text] = _matchers(node)
        low, high = self._start_s - self._reach_s, self._end_s + self._reach_s
        if node.at is not None:  # Anywhere in time: read for itself.
            low, high = at_s - self._reach_s, at_s
        key = (text, low, high) if node.at is not None else (text,)
        if key not in self._tracks:
            self._tracks[key] = self._source.tracks(self._matchers[text], low, high)
        return self._tracks[key]

    def _instant(self, node: Any, at_s: float) -> Vector:
        found = []
        for track in self._select(node, at_s):
            place = bisect.bisect_right(track.times, at_s) - 1
            if place >= 0 and track.times[place] > at_s - LOOKBACK_S:
                found.append(Sample(track.labels, track.values[place]))
        return found

    def _range(self, node: Any, at_s: float) -> Span:
        selector = node.vector_selector
        end_s = self._moment(selector, at_s)
        start_s = end_s - node.range.total_seconds()
        return Span([_cut(track, start_s, end_s) for track in self._select(selector, end_s)], start_s, end_s)

    def _subquery(self, node: Any, at_s: float) -> Span:
        end_s = self._moment(node, at_s)
        start_s = end_s - node.range.total_seconds()
        step_s = node.step.total_seconds() if node.step is not None else DEFAULT_STEP_S
        if step_s <= 0 or (end_s - start_s) / step_s > POINTS_MAX:
            raise PromqlError(f"A subquery of more than {POINTS_MAX} points.")
        found: dict[tuple[tuple[str, str], ...], tuple[list[float], list[float]]] = {}
        moment_s = (math.floor(start_s / step_s) + 1) * step_s
        while moment_s <= end_s:
            value = self._value(node.expr, moment_s)
            if time.monotonic() > self._deadline_s:
                raise PromqlError(f"The evaluation took longer than {EVALUATION_S:.0f} s.")
            for sample in value if isinstance(value, list) else []:
                times, values = found.setdefault(key_of(sample.labels), ([], []))
                times.append(moment_s)
                values.append(sample.value)
            moment_s += step_s
        return Span([Track(dict(key), times, values) for key, (times, values) in found.items()], start_s, end_s)

    def _aggregate(self, node: Any, at_s: float) -> Vector:
        vector = self._value(node.expr, at_s)
        if not isinstance(vector, list):
            raise PromqlError(f"{node.op} needs an instant vector.")
        parameter = None if node.param is None else self._value(node.param, at_s)
        labels = list(node.modifier.labels) if node.modifier else []
        without = node.modifier is not None and str(node.modifier.type).endswith("Without")
        return aggregate(str(node.op), vector, labels, without=without, parameter=parameter)

    def _call(self, node: Any, at_s: float) -> Value:
        name, arguments = str(node.func.name), [self._value(part, at_s) for part in node.args]
        if name == "timestamp" and type(node.args[0]).__name__ == "VectorSelector":
            return self._timestamps(node.args[0], at_s)
        if name in ("absent", "absent_over_time"):
            return self._absent(node.args[0], arguments[0])
        match name, arguments:
            case "quantile_over_time", [float() as rank, Span() as span]:
                return over_range(span, lambda track, _: quantile(track.values, rank))
            case "predict_linear", [Span() as span, float() as ahead_s]:
                return predicted(span, at_s, ahead_s)
            case _, [Span() as span] if name in RANGE_FUNCTIONS:
                return over_range(span, RANGE_FUNCTIONS[name], keep_name=name == "last_over_time")
        return call(name, arguments, at_s)

    def _timestamps(self, node: Any, at_s: float) -> Vector:
        moment_s = self._moment(node, at_s)
        found = []
        for track in self._select(node, moment_s):
            place = bisect.bisect_right(track.times, moment_s) - 1
            if place >= 0 and track.times[place] > moment_s - LOOKBACK_S:
                found.append(Sample(without_name(track.labels), track.times[place]))
        return found

    @staticmethod
    def _absent(node: Any, value: Value) -> Vector:
        """One sample with the labels that the selector fixes, when nothing is there."""
        present = any(track.times for track in value.tracks) if isinstance(value, Span) else bool(value)
        if present:
            return []
        selector = getattr(node, "vector_selector", node)
        conditions = getattr(getattr(selector, "matchers", None), "matchers", [])
        labels: dict[str, str] = {}
        for condition in conditions:  # Prometheus' `createLabelsForAbsentFunction`: the second of a name takes it away.
            if condition.name in labels or not str(condition.op).endswith(".Equal"):
                labels.pop(condition.name, None)
            elif condition.name != NAME:
                labels[condition.name] = condition.value
        return [Sample({name: value for name, value in labels.items() if value}, 1.0)]


def _distinct(value: Value) -> Value:
    return check_distinct(value) if isinstance(value, list) else value


def _cut(track: Track, start_s: float, end_s: float) -> Track:
    """The points in (start, end]."""
    low, high = bisect.bisect_right(track.times, start_s), bisect.bisect_right(track.times, end_s)
    return Track(track.labels, track.times[low:high], track.values[low:high])


def _matchers(node: Any) -> list[Matcher]:
    if node.matchers.or_matchers:
        raise PromqlError("Matchers joined by or are not available here.")
    found = [
        matcher(part.name, _OPERATORS[str(part.op).rpartition(".")[2]], part.value) for part in node.matchers.matchers
    ]
    return [matcher(NAME, "=", node.name), *found] if node.name else found


def selector_matchers(text: str) -> list[Matcher]:
    """The conditions of a series selector, as `match[]` gives it. Raises PromqlError."""
    node = parse_promql(text)
    if type(node).__name__ != "VectorSelector":
        raise PromqlError(f"{text[:80]} is no series selector.")
    return _matchers(node)


def _matching(modifier: Any) -> Matching:
    if modifier is None:
        return Matching()
    card = str(modifier.card).rpartition(".")[2]
    labels = modifier.matching
    return Matching(
        labels=tuple(labels.labels) if labels else (),
        on=labels is not None and str(labels.type).endswith("Include"),
        many={"ManyToOne": "left", "OneToMany": "right"}.get(card, ""),
        included=tuple(modifier.group_labels or ()),
        as_bool=bool(modifier.return_bool),
    )


def _durations(node: Any) -> float:
    """All ranges and offsets inside, added up: no evaluation looks further back."""
    total = 0.0
    for name in ("range", "offset"):
        value = getattr(node, name, None)
        if value is not None:
            total += abs(value.total_seconds())
    inner = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "vector_selector", "param")]
    inner += list(getattr(node, "args", None) or [])
    return total + sum(_durations(part) for part in inner if part is not None)
