"""
The drill in one paragraph and a handful of figures, each of them counted from the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drillyard.drills.report.audit import DEPTH_SERIES
from drillyard.drills.report.chart import seconds
from drillyard.drills.report.window import FaultWindow
from drillyard.drills.report.words import counted, money
from drillyard.record import Record


def tell(record: Record, window: FaultWindow, accounts: Mapping[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The paragraph, and (name, value) figures; what the record does not hold is left out and not guessed."""
    sentences: list[str] = []
    figures: list[tuple[str, str]] = []
    _fault(record, window, sentences, figures)
    _shoppers(record, sentences, figures)
    _queue(record, window, sentences, figures)
    _accounts(accounts, sentences, figures)
    return " ".join(sentences), tuple(figures)


def _fault(record: Record, window: FaultWindow, sentences: list[str], figures: list[tuple[str, str]]) -> None:
    if not window.put_in:
        sentences.append("No fault was put in.")
        return
    if window.healed:
        sentences.append(f"The fault was on for {seconds(window.took_s)}.")
    else:
        sentences.append(f"The fault was put in, and the record ends {seconds(window.took_s)} later without a cure.")
    figures.append(("Fault on for", seconds(window.took_s)))


def _shoppers(record: Record, sentences: list[str], figures: list[tuple[str, str]]) -> None:
    rows = record.ledger("shoppers")
    if not rows:
        return
    accepted = [row for row in rows if row["outcome"] in ("ok", "slow")]
    total = sum(row["total_cents"] or 0 for row in accepted)
    sentences.append(
        f"Shoppers made {counted(len(rows), 'attempt')} to order; {len(accepted)} "
        f"{'was' if len(accepted) == 1 else 'were'} answered 201, for {money(total)} together."
    )
    others: dict[str, int] = {}
    for row in rows:
        if row["outcome"] not in ("ok", "slow"):
            others[row["outcome"]] = others.get(row["outcome"], 0) + 1
    if others:
        kinds = ", ".join(f"{count} × {outcome.replace('_', ' ')}" for outcome, count in sorted(others.items()))
        sentences.append(f"The rest: {kinds}.")
    figures.append(("Orders accepted", f"{len(accepted)} of {len(rows)}"))


def _queue(record: Record, window: FaultWindow, sentences: list[str], figures: list[tuple[str, str]]) -> None:
    samples = record.samples.get(DEPTH_SERIES, ())
    measured = [sample for sample in samples if sample.value is not None]
    if not measured:
        return
    peak = max(sample.value or 0.0 for sample in measured)
    figures.append(("Messages in the queue at most", f"{peak:g}"))
    if not window.put_in:
        return
    emptied = next((one.t_s for one in measured if one.t_s >= window.ended_s and one.value == 0), None)
    if emptied is None:
        sentences.append(f"The queue grew to {counted(int(peak), 'message')} and was never seen empty after the cure.")
        figures.append(("Worked off", "not seen"))
    else:
        took = seconds(emptied - window.ended_s)
        sentences.append(f"The queue grew to {counted(int(peak), 'message')} and was empty {took} after the cure.")
        figures.append(("Empty after cure", took))


def _accounts(accounts: Mapping[str, Any], sentences: list[str], figures: list[tuple[str, str]]) -> None:
    if not accounts:
        sentences.append("Nobody's books were compared.")
        return
    rows = accounts["rows"]
    agreed = sum(row["order_class"] == "agreed" for row in rows)
    shipped_once = sum(row["order_status"] == "SHIPPED" and row["processed"] == 1 for row in rows)
    figures.append(("Shipped exactly once", f"{shipped_once} of {len(rows)}"))
    figures.append(("Books agree on", f"{agreed} of {len(rows)}"))
    held = accounts["totals"]["held_cents"]
    if held is not None:
        figures.append(("Held by the bank", money(held)))
    disagreements = len(accounts["disagreements"])
    if disagreements:
        sentences.append(
            f"The books of shoppers, shop, bank and queue-master disagree in {counted(disagreements, 'point')}, "
            f"and agree on {agreed} of {counted(len(rows), 'order')}."
        )
    else:
        sentences.append(
            f"Shoppers, shop, bank and queue-master agree on {'the' if agreed == 1 else 'all'} "
            f"{counted(agreed, 'order')}; {shipped_once} shipped exactly once."
        )
