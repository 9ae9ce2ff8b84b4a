r"""
Processing rules: which lines are sent, what is masked in them, and which lines are one log.

The four types of the Datadog agent ("Advanced Log Collection"): `exclude_at_match`, `include_at_match`,
`mask_sequences` (with `replace_placeholder`, groups as `$1` or `${1}`) and `multi_line` (the pattern is what a log
begins with). They stand in the annotation `ad.datadoghq.com/CONTAINER.logs` as `log_processing_rules`, and for all
containers in DD_LOGS_CONFIG_PROCESSING_RULES.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from drillyard.base.errors import SettingError

TYPES = ("exclude_at_match", "include_at_match", "mask_sequences", "multi_line")
_GROUP = re.compile(r"\$(?:\{(\w+)\}|(\d+))")


@dataclass(frozen=True)
class Rules:
    """In the order in which they are applied; `begins` is what a log of several lines begins with."""

    steps: tuple[tuple[str, re.Pattern[str], str], ...] = ()
    begins: re.Pattern[str] | None = None

    def __add__(self, other: Rules) -> Rules:
        return Rules(self.steps + other.steps, other.begins or self.begins)

    def apply(self, text: str) -> str | None:
        """The text as it is sent, None for one that is not."""
        for kind, pattern, replacement in self.steps:
            if kind == "mask_sequences":
                text = pattern.sub(replacement, text)
            elif bool(pattern.search(text)) is (kind == "exclude_at_match"):
                return None
        return text


NO_RULES = Rules()


def read_rules(given: Any) -> Rules:
    """From the JSON that Datadog documents. Raises SettingError, which names the rule."""
    if given is None:
        return NO_RULES
    if not isinstance(given, list):
        raise SettingError("Processing rules are an array of objects.")
    steps: list[tuple[str, re.Pattern[str], str]] = []
    begins = None
    for rule in given:
        kind, name, pattern = _fields(rule)
        if kind == "multi_line":
            begins = pattern
        else:
            steps.append((kind, pattern, _replacement(str(rule.get("replace_placeholder", "")), pattern, name)))
    return Rules(tuple(steps), begins)


def _fields(rule: Any) -> tuple[str, str, re.Pattern[str]]:
    kind, name = (rule.get("type"), str(rule.get("name", ""))[:100]) if isinstance(rule, dict) else (None, "")
    if kind not in TYPES:
        raise SettingError(f"Processing rule {name!r} has no known type.", hint=f"Use one of {', '.join(TYPES)}.")
    pattern = rule.get("pattern")
    if not isinstance(pattern, str) or not pattern:
        raise SettingError(f"Processing rule {name!r} has no pattern.")
    try:
        return kind, name, re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as wrong:
        raise SettingError(f"Processing rule {name!r}: {pattern[:100]!r} is no regular expression: {wrong}.") from wrong


def _replacement(given: str, pattern: re.Pattern[str], name: str) -> str:
    """Go's `$1` as Python's `\\g<1>`."""
    text = _GROUP.sub(lambda group: f"\\g<{group[1] or group[2]}>", given.replace("\\", "\\\\"))
    for group in re.findall(r"\\g<(\w+)>", text):
        known = int(group) <= pattern.groups if group.isdecimal() else group in pattern.groupindex
        if not known:
            raise SettingError(f"Processing rule {name!r} has no group {group} to put in.")
    return text
