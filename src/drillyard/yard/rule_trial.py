"""
A Grok rule tried on sample lines before it is saved: pipelines act on new logs only, so a mistake costs real lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from drillyard.base.errors import SettingError
from drillyard.telemetry.logs.status import normal_status
from drillyard.telemetry.pipelines.errors import PipelineError
from drillyard.telemetry.pipelines.grok import Grok
from drillyard.telemetry.pipelines.time_limit import TooSlow, time_limit

SAMPLES_MAX = 1_000
SAMPLE_LENGTH_MAX = 10_000
"""Characters of a line that a grok parser looks at."""
_LIMIT_S = 0.1
"""A rule that takes longer for one line is given up for that line, as the pipelines do."""


@dataclass(frozen=True)
class Tried:
    """
    What became of one line. `attributes` is None when no rule fits or gives any: the log would pass unchanged.

    `status` is what a status remapper of `level` would make of it, None without such an attribute.
    """

    line: str
    attributes: dict[str, Any] | None
    status: str | None
    problem: str = ""


def try_rule(rules: str, lines: Iterable[str], *, support: str = "") -> Iterator[Tried]:
    """Each line with what the rules make of it. Raises SettingError when a rule cannot be understood."""
    try:
        grok = Grok(rules, support)
    except PipelineError as wrong:
        raise SettingError(
            wrong.message, hint="A rule is a name, a blank, and a pattern: r1 %{word:level} .*"
        ) from wrong
    return _each(grok, lines)


def _each(grok: Grok, lines: Iterable[str]) -> Iterator[Tried]:
    for line in lines:
        try:
            with time_limit(_LIMIT_S):
                found = grok.parse(line[:SAMPLE_LENGTH_MAX])
        except TooSlow:
            yield Tried(line, None, None, f"the rule took longer than {_LIMIT_S:g} s for this line")
            continue
        level = (found or {}).get("level")
        yield Tried(line, found or None, normal_status(level) if isinstance(level, str | int) else None)
