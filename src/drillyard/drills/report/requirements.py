"""
From what was asked, to what was asserted, to where the evidence lies: one row per check, each with files that exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drillyard.drills.report.words import printable
from drillyard.record import Check, Record

_REPAIRED = "It is repaired, and nothing else was changed or lost."
_SEEN = "It shows as the customers and the on-call would find it."
_TRUE = "The shop was whole before, and what was broken is what the incident says."
_FILES = {
    "orders-answered": ["ledgers/shoppers.json"],
    "orders-stored": ["ledgers/orders-{when}.json", "ledgers/charges-{when}.json"],
    "order-book": ["ledgers/orders-{when}.json", "ledgers/charges-{when}.json"],
    "ordered-twice": ["ledgers/orders-{when}.json"],
    "queue": ["samples.jsonl", "evidence/queue-{when}.json"],
    "pages": ["evidence/views.json"],
    "restarts": ["evidence/pods-{when}.json"],
    "pods": ["evidence/pods-before.json"],
    "logs": ["evidence/searches.json"],
    "no-logs": ["evidence/searches.json"],
    "shipped-once": ["evidence/reconciliation.json", "evidence/logs.json"],
    "reconciliation": ["evidence/reconciliation.json", "ledgers/orders.json", "ledgers/charges.json"],
}


@dataclass(frozen=True)
class Requirement:
    """One check under what it was made for. `files` are relative to the record."""

    asked: str
    claim: str
    outcome: str
    files: tuple[str, ...]


def requirements(record: Record, incident: Any) -> tuple[Requirement, ...]:
    """One row per check of the drill, in its order."""
    brief = printable(incident.get("brief") or _SEEN) if hasattr(incident, "get") else _SEEN
    runs = {(row["title"], row["source"]): row for row in record.evidence("queries") or ()}
    return tuple(
        Requirement(_asked(check, brief), printable(check.claim), check.outcome.value, _files(record, check, runs))
        for check in record.checks
    )


def _asked(check: Check, brief: str) -> str:
    if check.name.startswith(("while-on-", "query-")):
        return f"“{brief}”"
    if check.name.startswith("baseline-") or check.name == "fault-is-on":
        return _TRUE
    return _REPAIRED


def _files(record: Record, check: Check, runs: dict[tuple[str, str], Any]) -> tuple[str, ...]:
    phase, kind = _parts(check.name)
    when = {"while-on": "during", "recovered": "after"}.get(phase, "before")
    found = [name.format(when=when) for name in _FILES.get(kind, [])]
    for (title, source), row in runs.items():
        if check.name == f"query-{'-'.join(title.lower().split())}-{source}" and row.get("results"):
            found.append(f"evidence/{row['results']}.json")
    return tuple(name for name in found if (record.path / name).is_file()) or ("journal.jsonl",)


def _parts(name: str) -> tuple[str, str]:
    """Phase and kind of a check's name; the title of a log check is left off."""
    for phase in ("baseline", "while-on", "recovered"):
        if name.startswith(f"{phase}-"):
            rest = name.removeprefix(f"{phase}-")
            kind = next((one for one in sorted(_FILES, key=len, reverse=True) if rest.startswith(one)), rest)
            return phase, kind
    return "", name
