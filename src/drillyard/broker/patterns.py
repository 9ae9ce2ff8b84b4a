"""
Regular expressions that come from outside: checked before they run, because they run in the broker's only loop.

Python's matcher can take exponential time for a repeated group that repeats or branches inside. Such patterns are
refused; no queue name needs one.
"""

from __future__ import annotations

import re

from drillyard.base.errors import DrillyardError

PATTERN_MAX_CHARS = 255
REPEATS_MAX = 3
_REPEATED_GROUP = re.compile(r"\([^()]*[*+}|][^()]*\)[*+{]")
_UNBOUNDED = re.compile(r"(?<!\\)[*+]|,\}")


class PatternError(DrillyardError):
    """A pattern that is none, or that could take for ever."""


def compile_pattern(text: str) -> re.Pattern[str]:
    """Raises PatternError."""
    if len(text) > PATTERN_MAX_CHARS:
        raise PatternError(f"a pattern has at most {PATTERN_MAX_CHARS} characters")
    try:
        compiled = re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise PatternError(f"{text!r} is not a regular expression: {error}") from error
    if _REPEATED_GROUP.search(text) or len(_UNBOUNDED.findall(text)) > REPEATS_MAX:
        raise PatternError(
            f"{text!r} could take for ever: it repeats more than {REPEATS_MAX} times or inside a repetition"
        )
    return compiled
