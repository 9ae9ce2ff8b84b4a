"""
PromQL's binary operators, between numbers, between a number and a vector, and between vectors matched by their labels.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Collection
from dataclasses import dataclass

from drillyard.telemetry.prometheus.numbers import power
from drillyard.telemetry.prometheus.values import NAME, Labels, PromqlError, Sample, Value, Vector, key_of, without_name

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


@dataclass(frozen=True)
class Matching:
    """`on(labels)` or `ignoring(labels)`; `many` is the side with several samples a match (`left`, `right` or none)."""

    labels: Collection[str] = ()
    on: bool = False
    many: str = ""
    included: Collection[str] = ()
    as_bool: bool = False

    def key(self, labels: Labels) -> tuple[tuple[str, str], ...]:
        """Equal for samples that go together."""
        return key_of(self.common(labels))

    def common(self, labels: Labels) -> Labels:
        """The labels by which samples are matched."""
        if self.on:
            return {name: labels[name] for name in self.labels if name in labels}
        return {name: value for name, value in labels.items() if name not in self.labels and name != NAME}


def compute(symbol: str, left: float, right: float) -> float:
    """Arithmetic as IEEE 754 has it: a division by zero is infinite or not a number, never an error."""
    try:
        match symbol:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right
            case "%":
                return math.fmod(left, right)
            case "^":
                return power(left, right)
            case "atan2":
                return math.atan2(left, right)
    except ZeroDivisionError:
        return math.nan if left == 0 or math.isnan(left) else math.copysign(math.inf, left) * math.copysign(1.0, right)
    except ValueError:
        return math.nan  # The remainder of a division by zero.
    raise PromqlError(f"The operator {symbol} is not available here.")


def binary(symbol: str, left: Value, right: Value, matching: Matching) -> Value:
    """Raises PromqlError."""
    if isinstance(left, float) and isinstance(right, float):
        if symbol in COMPARISONS:
            return float(COMPARISONS[symbol](left, right))
        return compute(symbol, left, right)
    if isinstance(left, list) and isinstance(right, list):
        if symbol in ("and", "or", "unless"):
            return _sets(symbol, left, right, matching)
        return _vectors(symbol, left, right, matching)
    if isinstance(left, list) and isinstance(right, float):
        return [made for sample in left if (made := _scalar(symbol, sample, sample.value, right, matching))]
    if isinstance(left, float) and isinstance(right, list):
        return [made for sample in right if (made := _scalar(symbol, sample, left, sample.value, matching))]
    raise PromqlError(f"The operator {symbol} needs numbers or instant vectors.")


def _scalar(symbol: str, sample: Sample, left: float, right: float, matching: Matching) -> Sample | None:
    if symbol not in COMPARISONS:
        return Sample(without_name(sample.labels), compute(symbol, left, right))
    holds = COMPARISONS[symbol](left, right)
    if matching.as_bool:
        return Sample(without_name(sample.labels), float(holds))
    return sample if holds else None


def _sets(symbol: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    keys = {matching.key(sample.labels) for sample in right}
    if symbol == "and":
        return [sample for sample in left if matching.key(sample.labels) in keys]
    if symbol == "unless":
        return [sample for sample in left if matching.key(sample.labels) not in keys]
    known = {matching.key(sample.labels) for sample in left}
    return left + [sample for sample in right if matching.key(sample.labels) not in known]


def _vectors(symbol: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    if not left or not right:
        return []
    swapped = matching.many == "right"
    many, one = (right, left) if swapped else (left, right)
    by_key: dict[tuple[tuple[str, str], ...], Sample] = {}
    for sample in one:
        key = matching.key(sample.labels)
        if key in by_key:
            raise PromqlError("Many-to-many matching is not allowed: the labels must be unique on one side.")
        by_key[key] = sample
    found: Vector = []
    seen: set[tuple[tuple[str, str], ...]] = set()
    for sample in many:
        key = matching.key(sample.labels)
        other = by_key.get(key)
        if other is None:
            continue
        pair = (other, sample) if swapped else (sample, other)
        made = _pair(symbol, pair, sample, other, matching)
        if made is None:
            continue
        identity = key_of(made.labels) if matching.many else key
        if identity in seen:
            raise PromqlError("Several samples match one: say group_left or group_right.")
        seen.add(identity)
        found.append(made)
    return found


def _pair(symbol: str, pair: tuple[Sample, Sample], many: Sample, one: Sample, matching: Matching) -> Sample | None:
    left, right = pair
    value = compute(symbol, left.value, right.value) if symbol not in COMPARISONS else left.value
    if symbol in COMPARISONS:
        holds = COMPARISONS[symbol](left.value, right.value)
        if not holds and not matching.as_bool:
            return None
        value = float(holds) if matching.as_bool else left.value
    if matching.many:
        labels = dict(many.labels)
        for name in matching.included:
            labels.pop(name, None)
            if name in one.labels:
                labels[name] = one.labels[name]
    else:
        labels = matching.common(many.labels)
        if not matching.on and NAME in many.labels:
            labels[NAME] = many.labels[NAME]
    drop_name = symbol not in COMPARISONS or matching.as_bool
    return Sample(without_name(labels) if drop_name else labels, value)
