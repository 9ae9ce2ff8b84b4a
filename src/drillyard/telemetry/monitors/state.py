"""
What values mean for a monitor: a state for each group, one for all, and the transitions between them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drillyard.telemetry.monitors.query import OPERATORS, CheckQuestion, Question

OK, WARN, ALERT, NO_DATA = "OK", "Warn", "Alert", "No Data"
_WORST_FIRST = (ALERT, WARN, NO_DATA, OK)


@dataclass(frozen=True)
class Transition:
    """One group's change; `kind` is Datadog's transition type (`alert`, `alert recovery`, …)."""

    group: str
    before: str
    after: str
    value: float | None
    kind: str


def state_of(question: Question, value: float | None, options: Mapping[str, Any]) -> str | None:
    """The state that a value means; None for no data that is not to be spoken of."""
    if value is None:
        return NO_DATA if options.get("notify_no_data") else None
    thresholds = options.get("thresholds") or {}
    if isinstance(question, CheckQuestion):
        warning = thresholds.get("warning")
        if value >= float(thresholds.get("critical") or 1):
            return ALERT
        return WARN if warning is not None and value >= float(warning) else OK
    compare, warning = OPERATORS[question.comparison], thresholds.get("warning")
    if compare(value, question.critical):
        return ALERT
    return WARN if warning is not None and compare(value, float(warning)) else OK


def overall(states: Mapping[str, str]) -> str:
    """The worst of the groups; No Data for none."""
    return next((state for state in _WORST_FIRST if state in states.values()), NO_DATA)


def transition_kind(before: str, after: str) -> str | None:
    """Datadog's word for a change, None for the first look at a healthy group."""
    if before == after or (before == NO_DATA and after == OK):
        return None
    names = {ALERT: "alert", WARN: "warning", NO_DATA: "no data"}
    return names.get(after) or f"{names[before]} recovery"
