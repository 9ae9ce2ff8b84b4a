"""
Points in time as Datadog's clients write them.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from drillyard.base.errors import DrillyardError

_UNIT_MS = {
    "s": 1_000,
    "m": 60_000,
    "h": 3_600_000,
    "d": 86_400_000,
    "w": 604_800_000,
    "M": 30 * 86_400_000,
    "y": 365 * 86_400_000,
}
_RELATIVE = re.compile(r"now(?:\s*([+-])\s*(\d{1,9})\s*([smhdwMy]))?")
_DURATION = re.compile(r"(\d{1,9})([smhdwMy])")
_SECONDS_BELOW = 100_000_000_000  # As milliseconds this would be 1973; people who write so mean seconds.
LATEST_MS = 253_402_300_799_999  # The end of the year 9999.


class TimeError(DrillyardError):
    """A time or duration that cannot be understood."""


def parse_time(value: object, now_ms: int) -> int:
    """Unix milliseconds of `now-15m`, an epoch (milliseconds; seconds if short) or RFC 3339. Raises TimeError."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TimeError(f"{value!r} is not a time.", hint='Write "now-15m", milliseconds since 1970, or RFC 3339.')
    text = str(value).strip()
    relative = _RELATIVE.fullmatch(text)
    if relative:
        sign, count, unit = relative.groups()
        return now_ms + (int(f"{sign}{count}") * _UNIT_MS[unit] if count else 0)
    try:
        if re.fullmatch(r"-?\d{1,18}(\.\d{1,9})?", text):
            number = float(text)
            return min(int(number if abs(number) >= _SECONDS_BELOW else number * 1000), LATEST_MS)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as wrong:
        message = f"{text[:50]!r} is not a time."
        raise TimeError(message, hint='Write "now-15m", milliseconds since 1970, or RFC 3339.') from wrong
    # Some clients leave the zone out and mean UTC.
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def parse_duration(text: str) -> int:
    """Milliseconds of `5m`, `1h`. Raises TimeError."""
    found = _DURATION.fullmatch(text.strip())
    if not found or not int(found[1]):
        raise TimeError(f"{text[:50]!r} is not a duration.", hint="Write 30s, 5m, 1h, 1d or 1w.")
    return int(found[1]) * _UNIT_MS[found[2]]


def iso(timestamp_ms: int) -> str:
    """`2025-10-28T10:04:45.548Z`."""
    seconds, milliseconds = divmod(timestamp_ms, 1000)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds:03d}Z"
