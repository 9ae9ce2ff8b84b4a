"""
What `%{matcher}` matches, and what it makes of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drillyard.telemetry.pipelines.errors import PipelineError
from drillyard.telemetry.pipelines.grok.dates import date_matcher


@dataclass(frozen=True)
class Matcher:
    """`expression` has no groups of its own; `convert` gives None for what is to be dropped."""

    expression: str
    convert: Callable[[str], Any] = str


def to_number(text: str) -> float | int | None:
    """Whole numbers come out as integers."""
    try:
        number = float(text)
    except ValueError:
        return None
    if number != number or number in (float("inf"), float("-inf")):
        return None
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


_IPV4 = r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV6 = r"(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|:)?(?:%\w+)?"
_HOSTNAME = r"\b(?:[0-9A-Za-z][0-9A-Za-z_-]{0,62})(?:\.(?:[0-9A-Za-z][0-9A-Za-z_-]{0,62}))*\.?"
_NUMBER = r"[+-]?\d+(?:\.\d+)?"
_NUMBER_EXT = r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_INTEGER = r"[+-]?\d+"
_INTEGER_EXT = r"[+-]?\d+(?:[eE][+-]?\d+)?"
_DOUBLE_QUOTED = r'"(?:[^"\\]|\\.)*"'
_SINGLE_QUOTED = r"'(?:[^'\\]|\\.)*'"

_PLAIN = {
    "notSpace": Matcher(r"\S+"),
    "number": Matcher(_NUMBER, to_number),
    "numberStr": Matcher(_NUMBER),
    "numberExt": Matcher(_NUMBER_EXT, to_number),
    "numberExtStr": Matcher(_NUMBER_EXT),
    "integer": Matcher(_INTEGER, to_number),
    "integerStr": Matcher(_INTEGER),
    "integerExt": Matcher(_INTEGER_EXT, to_number),
    "integerExtStr": Matcher(_INTEGER_EXT),
    "word": Matcher(r"\b\w+\b"),
    "doubleQuotedString": Matcher(_DOUBLE_QUOTED),
    "singleQuotedString": Matcher(_SINGLE_QUOTED),
    "quotedString": Matcher(f"{_DOUBLE_QUOTED}|{_SINGLE_QUOTED}"),
    "uuid": Matcher(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"),
    "mac": Matcher(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}"),
    "ipv4": Matcher(_IPV4),
    "ipv6": Matcher(_IPV6),
    "ip": Matcher(f"{_IPV6}|{_IPV4}"),
    "hostname": Matcher(_HOSTNAME),
    "ipOrHost": Matcher(f"{_IPV6}|{_IPV4}|{_HOSTNAME}"),
    "port": Matcher(r"\d{1,5}"),
    "data": Matcher(r"(?s:.*?)"),
    "boolean": Matcher(r"(?i:true|false)", lambda text: text.lower() == "true"),
}


def find_matcher(name: str, arguments: list[str]) -> Matcher:
    """The matcher of a name. Raises PipelineError."""
    if name == "date":
        if not arguments:
            raise PipelineError('The matcher date needs a pattern, as in date("yyyy-MM-dd").')
        expression, reader = date_matcher(arguments[0], arguments[1] if len(arguments) > 1 else "")
        return Matcher(expression, reader)
    if name == "regex":
        if len(arguments) != 1:
            raise PipelineError('The matcher regex needs one expression, as in regex("[a-z]+").')
        return Matcher(_without_groups(arguments[0]))
    if name == "boolean" and len(arguments) == 2:
        yes, no = arguments
        return Matcher(f"(?i:{yes}|{no})", lambda text: re.fullmatch(yes, text, re.IGNORECASE) is not None)
    if arguments:
        raise PipelineError(f"The matcher {name} takes no arguments.")
    if name not in _PLAIN:
        raise PipelineError(f"There is no matcher and no rule named {name[:50]}.")
    return _PLAIN[name]


def _without_groups(expression: str) -> str:
    """Named groups would clash with ours."""
    return re.sub(r"\(\?P?<[A-Za-z]\w*>", "(?:", expression)
