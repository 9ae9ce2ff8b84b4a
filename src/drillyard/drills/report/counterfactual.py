"""
Would it have failed anyway? Each attempt of the shoppers, held against what a whole shop would have done with it.

A whole shop ships what it accepts (the baseline's canary order showed it, in this very yard) and declines by one rule:
payment's limit. Where the record does not hold the amount or the rule, the answer is unclear, and not a guess.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drillyard.drills.report.impact import Loss, loss
from drillyard.drills.report.words import money, printable
from drillyard.record import Record


@dataclass(frozen=True)
class Fate:
    """One attempt: what became of it, and what would have become of it."""

    order: str
    amount: str
    happened: str
    anyway: str
    why: str


def fates(record: Record, accounts: Mapping[str, Any]) -> tuple[Fate, ...]:
    """One row per attempt, in the order in which they ended."""
    found = loss(record, accounts)
    rule = record.evidence("payment-rule")
    limit = rule.get("limit_cents") if isinstance(rule, Mapping) else None
    whole = any(check.name == "baseline-canary" and check.outcome.value == "kept" for check in record.checks)
    attributed = {(row["shopper"], row["number"]): row["order_id"] for row in _attributed(record)}
    rows = [
        {**row, "order_id": row["order_id"] or attributed.get((row.get("shopper"), row["number"]))}
        for row in found.attempts
    ]
    return tuple(_fate(row, found, limit, whole) for row in rows)


def _attributed(record: Record) -> list[dict[str, Any]]:
    """The attempts with the orders that became of them, also where no answer named one; none of a double click."""
    rows = record.evidence("attempts") or []
    clicks = Counter((row["shopper"], row["number"]) for row in rows)
    return [row for row in rows if clicks[row["shopper"], row["number"]] == 1]


def _fate(row: Mapping[str, Any], found: Loss, limit: int | None, whole: bool) -> Fate:
    cents = row["expected_cents"] if row.get("expected_cents") is not None else row["total_cents"]
    order = row["order_id"] or f"attempt {row['number']} of {row['shopper']}"
    happened, failed = _happened(row, found)
    anyway, why = _anyway(failed, cents, limit, whole)
    return Fate(printable(order), money(cents), printable(happened), anyway, why)


def _happened(row: Mapping[str, Any], found: Loss) -> tuple[str, bool]:
    answer = f"{row['http_status'] or 'no answer'} {row['status_seen'] or ''}".strip()
    if row["outcome"] not in ("ok", "slow"):
        return answer, True
    if row["order_id"] in {wrong["order_id"] for wrong in found.wrong}:
        return f"{answer}, and wrong in the end", True
    if row["order_id"] in found.waiting:
        return f"{answer}, kept waiting", True
    return f"{answer}, {row['outcome']}", row["outcome"] == "slow"


def _anyway(failed: bool, cents: int | None, limit: int | None, whole: bool) -> tuple[str, str]:
    if not failed:
        return "–", "it did not fail"
    if cents is None or limit is None:
        return "unclear", "the record does not hold its amount, or payment's limit"
    if cents > limit:
        return "yes", f"declined by rule: over payment's limit of {money(limit)}"
    if not whole:
        return "unclear", "the record shows no order that succeeded without the fault"
    return "no", "within the rules, and before the fault an order was shipped"
