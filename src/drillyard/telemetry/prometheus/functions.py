"""
PromQL's functions over numbers and instant vectors.
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Callable
from datetime import UTC, datetime

from drillyard.telemetry.prometheus.binary import compute
from drillyard.telemetry.prometheus.label_functions import label_join, label_replace
from drillyard.telemetry.prometheus.numbers import larger, smaller
from drillyard.telemetry.prometheus.values import PromqlError, Sample, Value, Vector, key_of, without_name

_BUCKET = "le"
_OF_NATIVE_HISTOGRAMS = frozenset(f"histogram_{part}" for part in ("count", "sum", "avg", "stddev", "stdvar"))


def _guarded(function: Callable[[float], float]) -> Callable[[float], float]:
    """Outside of its domain a function is not a number."""

    def apply(value: float) -> float:
        try:
            return function(value)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.copysign(math.inf, value)

    return apply


def _log(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: -math.inf if value == 0 else _guarded(function)(value)


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    return lambda value: float(function(value)) if math.isfinite(value) else value


MATH: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "ceil": _whole(math.ceil),
    "floor": _whole(math.floor),
    "sqrt": _guarded(math.sqrt),
    "exp": _guarded(math.exp),
    "sin": _guarded(math.sin),
    "cos": _guarded(math.cos),
    "tan": _guarded(math.tan),
    "asin": _guarded(math.asin),
    "acos": _guarded(math.acos),
    "atan": math.atan,
    "sinh": _guarded(math.sinh),
    "cosh": lambda value: _guarded(math.cosh)(abs(value)),
    "tanh": math.tanh,
    "asinh": math.asinh,
    "acosh": _guarded(math.acosh),
    "atanh": lambda value: math.copysign(math.inf, value) if abs(value) == 1 else _guarded(math.atanh)(value),
    "deg": math.degrees,
    "rad": math.radians,
    "ln": _log(math.log),
    "log2": _log(math.log2),
    "log10": _log(math.log10),
    "sgn": lambda value: math.copysign(1.0, value) if value and not math.isnan(value) else value,
}
CALENDAR: dict[str, Callable[[datetime], int]] = {
    "minute": lambda moment: moment.minute,
    "hour": lambda moment: moment.hour,
    "day_of_week": lambda moment: moment.isoweekday() % 7,
    "day_of_month": lambda moment: moment.day,
    "day_of_year": lambda moment: moment.timetuple().tm_yday,
    "days_in_month": lambda moment: calendar.monthrange(moment.year, moment.month)[1],
    "month": lambda moment: moment.month,
    "year": lambda moment: moment.year,
}


def call(name: str, arguments: list[Value], at_s: float) -> Value:
    """Applies a function that needs no range. Raises PromqlError."""
    if name in MATH:
        return mapped(arguments[0], MATH[name])
    if name in CALENDAR:
        vector = arguments[0] if arguments else [Sample({}, at_s)]
        return mapped(vector, lambda value: _of_calendar(CALENDAR[name], value))
    match name, arguments:
        case "time", []:
            return at_s
        case "pi", []:
            return math.pi
        case "vector", [float() as value]:
            return [Sample({}, value)]
        case "scalar", [list() as vector]:
            return vector[0].value if len(vector) == 1 else math.nan
        case "round", [vector, *rest]:
            step = rest[0] if rest and isinstance(rest[0], float) and rest[0] else 1.0
            inverse = 1.0 / step  # Prometheus multiplies and divides by it, and so gets 1.2 where `* 0.1` gives 1.2…02.
            return mapped(vector, lambda value: compute("/", _whole(math.floor)(value * inverse + 0.5), inverse))
        case "clamp", [vector, float() as low, float() as high]:
            return mapped(vector, lambda value: larger(low, smaller(high, value))) if low <= high else []
        case "clamp_min", [vector, float() as low]:
            return mapped(vector, lambda value: larger(low, value))
        case "clamp_max", [vector, float() as high]:
            return mapped(vector, lambda value: smaller(high, value))
        case "sort" | "sort_desc", [list() as vector]:
            return _sorted(vector, descending=name == "sort_desc")
        case "timestamp", [list() as vector]:
            return mapped(vector, lambda _: at_s)
        case "label_replace", [list() as vector, str() as target, str() as text, str() as source, str() as pattern]:
            return label_replace(vector, target, text, source, pattern)
        case "label_join", [list() as vector, str() as target, str() as separator, *names]:
            return label_join(vector, target, separator, [str(part) for part in names])
        case "histogram_quantile", [float() as rank, list() as vector]:
            return _histogram_quantile(rank, vector)
        case _, [list()] if name in _OF_NATIVE_HISTOGRAMS:
            return []  # They pass over numbers, and nothing here is a native histogram.
    raise PromqlError(f"The function {name}() is not available here.")


def _of_calendar(part: Callable[[datetime], int], at_s: float) -> float:
    try:
        return float(part(datetime.fromtimestamp(int(at_s), UTC)))
    except (ValueError, OverflowError, OSError):
        return math.nan  # No moment that a calendar has.


def _sorted(vector: Vector, *, descending: bool) -> Vector:
    """What is not a number comes last either way."""
    sign = -1.0 if descending else 1.0
    return sorted(vector, key=lambda sample: (math.isnan(sample.value), sign * sample.value))


def mapped(value: Value, function: Callable[[float], float]) -> Vector:
    """The function of every sample."""
    if not isinstance(value, list):
        raise PromqlError("An instant vector is needed here.")
    return [Sample(without_name(sample.labels), function(sample.value)) for sample in value]


def _histogram_quantile(rank: float, vector: Vector) -> Vector:
    groups: dict[tuple[tuple[str, str], ...], dict[float, float]] = {}
    for sample in vector:
        try:
            bound = float(sample.labels.get(_BUCKET, "none"))
        except ValueError:
            continue
        labels = {name: value for name, value in without_name(sample.labels).items() if name != _BUCKET}
        buckets = groups.setdefault(key_of(labels), {})
        buckets[bound] = buckets.get(bound, 0.0) + sample.value  # `1` and `1.0` are one bucket.
    return [Sample(dict(key), _bucket_quantile(rank, _rising(buckets))) for key, buckets in groups.items()]


def _rising(buckets: dict[float, float]) -> list[tuple[float, float]]:
    """By bound; a count below an earlier one, as scrapes and rates can make it, is lifted to that."""
    found: list[tuple[float, float]] = []
    for bound, count in sorted(buckets.items()):
        found.append((bound, max(count, found[-1][1]) if found else count))
    return found


def _bucket_quantile(rank: float, buckets: list[tuple[float, float]]) -> float:
    """Linear inside the bucket that holds the rank, as in Prometheus."""
    if math.isnan(rank) or len(buckets) < 2 or not math.isinf(buckets[-1][0]) or not buckets[-1][1]:
        return math.nan
    if not 0 <= rank <= 1:
        return math.copysign(math.inf, rank - 0.5)
    wanted = rank * buckets[-1][1]
    last = len(buckets) - 1
    place = next((number for number, (_, count) in enumerate(buckets[:last]) if count >= wanted), last)
    if place == len(buckets) - 1:
        return buckets[-2][0]
    low, before = buckets[place - 1] if place else (0.0, 0.0)
    high, count = buckets[place]
    if place == 0 and high <= 0:
        return high
    return low + (high - low) * ((wanted - before) / (count - before) if count > before else 0.0)
