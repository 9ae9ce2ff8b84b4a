"""
Judges a finished record once more, from its own evidence, so that a report never repeats a verdict that its data deny.

The runner's checks say what was seen at the time. These look at what was written down: are the files still as they
were, did the queue run empty after the cure, does everybody agree on every order that a shopper was promised. The worse
of both is what the report says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from drillyard.drills.report.window import fault_window
from drillyard.record import Check, Outcome, Record, Verdict, judge, worst

VERIFY_PHASE = "verify"
DEPTH_SERIES = "queue_depth"


def judge_again(record: Record) -> Verdict:
    """The record's verdict, or a worse one with its reason where the record's own evidence demands it."""
    stated, audited = record.verdict, audit(record)
    checks = (*record.checks, *audited)
    if stated is None:
        return Verdict(Outcome.UNCLEAR, "The drill ended before its verdict.", checks)
    found = worst([stated.outcome, *(check.outcome for check in checks)])
    if found.severity <= stated.outcome.severity:
        return Verdict(stated.outcome, stated.reason, checks)
    first = next(check for check in checks if check.outcome is found)
    reason = (
        f"The record's own evidence does not bear out its verdict {stated.outcome.name}. "
        f"{first.claim.rstrip('.')}: expected {first.expected}, seen {first.seen}."
    )
    return Verdict(found, reason, checks)


def audit(record: Record) -> tuple[Check, ...]:
    """What the evidence says by itself; a part that cannot be read is UNCLEAR."""
    checks = [
        judge(
            "audit-files",
            "Every file is as it was when the drill wrote it",
            "the SHA-256 noted then",
            lambda: _files(record),
        )
    ]
    if _verified(record):
        if DEPTH_SERIES in record.samples:
            checks.append(
                judge("audit-queue", "The queue ran empty after the cure", "a depth of 0", lambda: _queue(record))
            )
        if record.ledger("shoppers"):
            checks.append(
                judge(
                    "audit-orders",
                    "Everybody agrees on every order that a shopper was promised",
                    "each order agreed",
                    lambda: _orders(record),
                )
            )
    return tuple(checks)


def _verified(record: Record) -> bool:
    """Whether the drill came to its end: of one that was interrupted or invalid before, nothing was promised."""
    reached = any(phase.name == VERIFY_PHASE for phase in record.phases)
    kept = record.verdict is not None and record.verdict.outcome is Outcome.KEPT
    return kept or (reached and record.evidence("reconciliation") is not None)


def _files(record: Record) -> tuple[bool | None, str]:
    altered = record.altered_files()
    return (
        (None, f"altered or missing: {', '.join(altered)}") if altered else (True, f"{len(record.sha256)} files match")
    )


def _queue(record: Record) -> tuple[bool | None, str]:
    cured_s = fault_window(record).ended_s
    depths = [sample.value for sample in record.samples[DEPTH_SERIES] if sample.t_s >= cured_s]
    measured = [depth for depth in depths if depth is not None]
    if not measured:
        return None, "no measurement after the cure"
    # The lowest and not the last: a canary's own message may be under way when the last sample is taken.
    return min(measured) == 0, f"a depth of {min(measured):g} at its lowest"


def _orders(record: Record) -> tuple[bool | None, str]:
    evidence = record.evidence("reconciliation")
    if evidence is None:
        return None, "no reconciliation was written"
    rows = {row["order_id"]: row for row in evidence["rows"]}
    expected = Counter(record.evidence("expected-disagreements") or {})
    found = Counter(one["order_class"] for one in evidence["disagreements"])
    if expected and found == expected:
        # The incident promised to leave these behind, each named by its order.
        named = {one["order_id"] for one in evidence["disagreements"] if one["order_id"]}
        rows = {order_id: row for order_id, row in rows.items() if order_id not in named}
        return True, f"{len(rows)} orders agreed, {found.total()} disagree as the incident promised"
    problems = [*_missing(record, rows), *_row_problems(rows), *_listed(evidence)]
    if not problems:
        return True, f"{len(rows)} orders agreed"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return False, problems[0] + more


def _missing(record: Record, rows: Mapping[str, Any]) -> Iterator[str]:
    for attempt in record.ledger("shoppers") or ():
        if attempt["http_status"] == 201 and attempt["order_id"] not in rows:
            yield f"order {attempt['order_id']} was promised to a shopper and is in nobody's account"


def _row_problems(rows: Mapping[str, Any]) -> Iterator[str]:
    for order_id, row in rows.items():
        if row["order_class"] != "agreed":
            yield f"order {order_id} is {row['order_class'].replace('_', ' ')}"
        elif row["order_status"] == "SHIPPED" and row["processed"] != 1:
            yield f"order {order_id} was processed {row['processed']} times"


def _listed(evidence: Mapping[str, Any]) -> Iterator[str]:
    for one in evidence["disagreements"]:
        if one["order_id"] is None:
            yield f"{one['order_class']}: {one['text']}"
