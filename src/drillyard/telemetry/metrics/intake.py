"""
From posted series to points: `/api/v1/series` and `/api/v2/series`, both as JSON.
"""

from __future__ import annotations

import math
import re
from typing import Any

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.logs.intake import normal_tags
from drillyard.telemetry.metrics.store import TYPES, Point

SERIES_MAX = 5_000
POINTS_MAX = 20_000

_NAME = re.compile(r"[A-Za-z][\w.]{0,199}")
_V2_TYPES = {0: "gauge", 1: "count", 2: "rate", 3: "gauge"}


class SeriesError(DrillyardError):
    """A body that holds no series."""


def read_v1(body: dict[str, Any], now_s: int) -> list[Point]:
    """`points` are pairs `[seconds, value]`. Raises SeriesError."""
    points: list[Point] = []
    for part in _series(body):
        kind = str(part.get("type") or "gauge")
        if kind not in TYPES:
            raise SeriesError(f"type must be one of {', '.join(TYPES)}.")
        pairs = part.get("points")
        if not isinstance(pairs, list):
            raise SeriesError("points must be an array of pairs.")
        for pair in pairs:
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise SeriesError("A point is a pair of seconds and a value.")
            value = pair[1][0] if isinstance(pair[1], list) and len(pair[1]) == 1 else pair[1]
            points.append(_point(part, kind, pair[0], value, str(part.get("host") or ""), now_s))
    return _limited(points)


def read_v2(body: dict[str, Any], now_s: int) -> list[Point]:
    """`points` are objects `{timestamp, value}`, the host is a resource. Raises SeriesError."""
    points: list[Point] = []
    for part in _series(body):
        number = part.get("type") or 0
        kind = _V2_TYPES.get(number) if isinstance(number, int) else None
        if kind is None:
            raise SeriesError("type must be 0, 1 (count), 2 (rate) or 3 (gauge).")
        resources = part.get("resources") if isinstance(part.get("resources"), list) else []
        hosts = [str(r.get("name")) for r in resources or [] if isinstance(r, dict) and r.get("type") == "host"]
        pairs = part.get("points")
        if not isinstance(pairs, list) or not all(isinstance(pair, dict) for pair in pairs):
            raise SeriesError("points must be an array of objects with timestamp and value.")
        host = hosts[0] if hosts else ""
        points += [_point(part, kind, pair.get("timestamp"), pair.get("value"), host, now_s) for pair in pairs]
    return _limited(points)


def _series(body: dict[str, Any]) -> list[dict[str, Any]]:
    found = body.get("series")
    if not isinstance(found, list) or not all(isinstance(part, dict) for part in found):
        raise SeriesError("The body must be an object with an array named series.")
    if len(found) > SERIES_MAX:
        raise SeriesError(f"More than {SERIES_MAX} series in one request.")
    return found


def _limited(points: list[Point]) -> list[Point]:
    if len(points) > POINTS_MAX:
        raise SeriesError(f"More than {POINTS_MAX} points in one request.")
    return points


def _point(part: dict[str, Any], kind: str, time_s: Any, value: Any, host: str, now_s: int) -> Point:
    name = part.get("metric")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SeriesError("metric must be a name of letters, digits, _ and dots that begins with a letter.")
    if not _is_number(time_s) or not 0 < time_s < now_s + 86_400:
        raise SeriesError("The time of a point must be in seconds since 1970, and not in the future.")
    if not _is_number(value):
        raise SeriesError("The value of a point must be a finite number.")
    interval = part.get("interval") or 0
    if not _is_number(interval) or not 0 <= interval <= 86_400:
        raise SeriesError("interval must be a number of seconds.")
    tags = normal_tags(part.get("tags") or [])
    if host:
        tags.append(f"host:{host.lower()}")
    return Point(name, tuple(sorted(set(tags))), int(time_s), float(value), kind, int(interval))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
