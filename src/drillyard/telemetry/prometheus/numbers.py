"""
Numbers as Go has them: sums, powers, minima with infinities and not-a-number, and how Prometheus writes one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal


def written(value: float) -> str:
    """`strconv.FormatFloat(value, 'f', -1, 64)`: the shortest that reads back, never with an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value.is_integer() and abs(value) < 1e15:
        return "-0" if value == 0 and math.copysign(1.0, value) < 0 else str(int(value))
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def total(values: Sequence[float]) -> float:
    """The sum; what an infinity makes of it is no error."""
    try:
        return math.fsum(values)
    except (ValueError, OverflowError):
        return sum(values)


def mean(values: Sequence[float]) -> float:
    """The sum by the number."""
    return total(values) / len(values)


def larger(left: float, right: float) -> float:
    """Go's `math.Max`: +Inf before NaN before all others."""
    if math.inf in (left, right):
        return math.inf
    return math.nan if math.isnan(left) or math.isnan(right) else max(left, right)


def smaller(left: float, right: float) -> float:
    """Go's `math.Min`: -Inf before NaN before all others."""
    return -larger(-left, -right)


def least(values: Sequence[float]) -> float:
    """The least that is a number; not a number where there is none."""
    return min((value for value in values if not math.isnan(value)), default=math.nan)


def greatest(values: Sequence[float]) -> float:
    """The greatest that is a number; not a number where there is none."""
    return max((value for value in values if not math.isnan(value)), default=math.nan)


def power(base: float, exponent: float) -> float:
    """Go's `math.Pow`: infinite instead of an error, and not a number for a root of a negative one."""
    try:
        return math.pow(base, exponent)
    except ValueError:
        if base != 0:
            return math.nan
        return math.copysign(math.inf, base) if _is_odd(exponent) else math.inf
    except OverflowError:
        return -math.inf if base < 0 and _is_odd(exponent) else math.inf


def _is_odd(value: float) -> bool:
    return value.is_integer() and value % 2 == 1
