"""
Two records side by side: what the second drill says otherwise than the first.

Identifiers and moments differ in any two drills and mean nothing; so what is compared are verdicts, the outcome of
each claim, what each query counted, and the figures of the story.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from drillyard.drills.report.audit import judge_again
from drillyard.drills.report.impact import impact
from drillyard.drills.report.story import tell
from drillyard.drills.report.window import fault_window
from drillyard.record import Record


@dataclass(frozen=True)
class Line:
    """One thing that is not the same; None where a record does not know it. `decides`: it is more than a figure."""

    topic: str
    what: str
    first: str | None
    second: str | None
    decides: bool


def differences(first: Record, second: Record) -> list[Line]:
    """Every line that differs, the weightiest first. Raises DrillyardError when evidence is damaged."""
    lines: list[Line] = []
    for topic, decides, look in (
        ("drill", False, _drill),
        ("verdict", True, _verdict),
        ("check", True, _checks),
        ("query", False, _queries),
        ("figure", False, _figures),
        ("phase", False, _phases),
    ):
        one, other = dict(look(first)), dict(look(second))
        for what in dict.fromkeys((*one, *other)):
            if one.get(what) != other.get(what):
                lines.append(Line(topic, what, one.get(what), other.get(what), decides))
    return lines


Pairs = Iterator[tuple[str, str]]


def _drill(record: Record) -> Pairs:
    yield "incident", record.manifest.incident
    yield "seed", str(record.manifest.seed)
    yield from ((f"version of {name}", version) for name, version in record.manifest.versions.items())


def _verdict(record: Record) -> Pairs:
    yield "verdict", judge_again(record).outcome.name


def _checks(record: Record) -> Pairs:
    seen: dict[str, int] = {}
    for check in record.checks:
        seen[check.name] = seen.get(check.name, 0) + 1
        number = f" ({seen[check.name]})" if seen[check.name] > 1 else ""
        yield f"{check.name}{number}", check.outcome.name


def _queries(record: Record) -> Pairs:
    for row in record.evidence("queries") or ():
        yield f"{row['title']}, {row['source']}", f"{row['count']} found"


def _figures(record: Record) -> Pairs:
    window, accounts = fault_window(record), _accounts(record)
    yield from tell(record, window, accounts)[1]
    yield from ((cost.what, cost.value) for cost in impact(record, window, accounts))


def _phases(record: Record) -> Pairs:
    for phase in record.phases:
        yield phase.name, f"{phase.ended_s - phase.started_s:.1f} s"


def _accounts(record: Record) -> dict[str, Any]:
    found = record.evidence("reconciliation")
    return found if isinstance(found, dict) else {}
