"""
Dates by Joda patterns, as `%{date("yyyy-MM-dd HH:mm:ss.SSS")}` reads them, into Unix milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from drillyard.telemetry.pipelines.errors import PipelineError

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH_NAMES = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_PIECES = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|(.)", re.DOTALL)
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?")

Reader = Callable[[str], int | None]


def date_matcher(pattern: str, zone: str = "") -> tuple[str, Reader]:
    """A regular expression without groups, and a function from what it found to milliseconds. Raises PipelineError."""
    plain, grouped, letters = [], [], []
    for piece in _PIECES.finditer(pattern):
        quoted, letter, other = piece[1], piece[2], piece[3]
        if letter is None:
            literal = re.escape((quoted.replace("''", "'") if quoted is not None else other) or "'")
            plain.append(literal)
            grouped.append(literal)
            continue
        expression = _expression(letter, len(piece[0]))
        plain.append(f"(?:{expression})")
        grouped.append(f"({expression})")
        letters.append(letter)
    default = read_zone(zone) if zone else UTC
    compiled = re.compile("".join(grouped), re.IGNORECASE)
    return f"(?i:{''.join(plain)})", lambda text: _read(compiled, letters, default, text)


def read_zone(name: str) -> tzinfo:
    """`UTC+5`, `+3`, `+0530`, `Europe/Paris`. Raises PipelineError."""
    offset = _OFFSET.fullmatch(name.strip())
    if offset:
        minutes = int(offset[2]) * 60 + int(offset[3] or 0)
        if minutes > 18 * 60:
            raise PipelineError(f"{name} is no time zone.")
        return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
    if name.strip().upper() in ("Z", "UTC", "GMT"):
        return UTC
    try:
        return ZoneInfo(name.strip())
    except (KeyError, ValueError, OSError) as unknown:
        raise PipelineError(f"{name[:50]} is no time zone.") from unknown


def _expression(letter: str, count: int) -> str:
    match letter:
        case "y" | "Y" | "u" | "x":
            return r"\d{2}" if count == 2 else r"\d{4}"
        case "M" if count == 3:
            return r"[A-Za-z]{3}"
        case "M" if count > 3:
            return r"[A-Za-z]{3,9}"
        case "E" | "e":
            return r"[A-Za-z]{3}" if count <= 3 else r"[A-Za-z]{6,9}"
        case "M" | "d" | "H" | "h" | "k" | "K" | "m" | "s":
            return r"\d{1,2}" if count == 1 else r"\d{2}"
        case "S":
            return rf"\d{{1,{max(count, 3)}}}" if count < 3 else rf"\d{{{count}}}"
        case "D":
            return r"\d{1,3}"
        case "a":
            return r"[AaPp][Mm]"
        case "Z":
            return r"(?:Z|[+-]\d{2}:?\d{2})" if count < 3 else r"[A-Za-z_]+(?:/[A-Za-z_]+)*"
        case "z":
            return r"[A-Za-z]{1,5}(?:[+-]\d{1,2})?"
    raise PipelineError(f"The date letter {letter} is not known.")


def _read(compiled: re.Pattern[str], letters: list[str], default: tzinfo, text: str) -> int | None:
    found = compiled.fullmatch(text)
    if not found:
        return None
    parts = dict(zip(letters, found.groups(), strict=True))
    try:
        year = next((parts[letter] for letter in "yYux" if letter in parts), "1970")
        hour = _hour(parts)
        zone = read_zone(parts["Z"]) if "Z" in parts else read_zone(parts["z"]) if "z" in parts else default
        moment = datetime(
            int(year) + (2000 if len(year) == 2 else 0),
            _month(parts.get("M", "1")),
            int(parts.get("d", "1")),
            hour,
            int(parts.get("m", "0")),
            int(parts.get("s", "0")),
            int((parts.get("S", "0") + "000000")[:6]),
            tzinfo=zone,
        )
    except (ValueError, PipelineError):
        return None
    return round(moment.timestamp() * 1000)


def _month(text: str) -> int:
    if text.isdecimal():
        return int(text)
    lowered = text.lower()
    return (_MONTHS.index(lowered) if lowered in _MONTHS else _MONTH_NAMES.index(lowered)) + 1


def _hour(parts: dict[str, str]) -> int:
    if "H" in parts or "k" in parts:
        return int(parts.get("H", parts.get("k", "0"))) % 24
    hour = int(parts.get("h", parts.get("K", "0")))
    if "a" not in parts:
        return hour
    return hour % 12 + (12 if parts["a"].lower() == "pm" else 0)
