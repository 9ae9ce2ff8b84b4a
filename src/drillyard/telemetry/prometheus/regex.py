"""
Regular expressions of PromQL: Prometheus' RE2 answers in linear time, Python's `re` may not.

Searches run in threads, where nothing can stop `re`. So what could make it run away is refused: a repeated group, and
more than a few repetitions, options and groups one after the other.
"""

from __future__ import annotations

import re

from drillyard.telemetry.prometheus.values import PromqlError

LENGTH_MAX = 500
REPEATS_MAX = 4
OPTIONS_MAX = 6
GROUPS_MAX = 3

_ESCAPED_OR_CLASS = re.compile(r"\\.|\[\^?\]?[^\]]*\]", re.DOTALL)


def compile_bounded(pattern: str) -> re.Pattern[str]:
    """Raises PromqlError."""
    bare = _ESCAPED_OR_CLASS.sub("x", pattern)
    if len(pattern) > LENGTH_MAX:
        raise PromqlError(f"A regular expression of more than {LENGTH_MAX} characters.")
    if re.search(r"\)[*+{]", bare):
        raise PromqlError(f"{pattern[:80]!r} repeats a group, which is refused here: it could take for ever.")
    limits = (("*+{", REPEATS_MAX, "repetitions"), ("?", OPTIONS_MAX, "options"), ("(", GROUPS_MAX, "groups"))
    for characters, most, name in limits:
        if sum(bare.count(character) for character in characters) > most:
            raise PromqlError(f"{pattern[:80]!r} has more than {most} {name}, which could take for ever.")
    try:
        return re.compile(pattern, re.DOTALL)
    except (re.error, RecursionError, OverflowError) as wrong:
        raise PromqlError(f"{pattern[:80]!r} is no regular expression: {wrong}.") from wrong
