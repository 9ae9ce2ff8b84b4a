"""
The drill in one paragraph and a handful of figures, each of them counted from the record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from drillyard.drills.report.audit import DEPTH_SERIES
from drillyard.drills.report.chart import seconds
from drillyard.drills.report.own_orders import own_orders
from drillyard.drills.report.window import FaultWindow
from drillyard.drills.report.words import counted, in_words, money, times
from drillyard.record import Record

_OUTCOMES = {
    "http_error": "answered with an error",
    "refused_by_rule": "declined",
    "script_error": "spoilt by the load's own mistake",
    "transport_error": "not answered",
}


def tell(record: Record, window: FaultWindow, accounts: Mapping[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    """The paragraph, and (name, value) figures; what the record does not hold is left out and not guessed."""
    sentences: list[str] = []
    figures: list[tuple[str, str]] = []
    _fault(record, window, sentences, figures)
    _shoppers(record, sentences, figures)
    _queue(record, window, sentences, figures)
    _accounts(record, accounts, sentences, figures)
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
    worth = f", worth {money(total)}" if accepted else ""
    sentences.append(f"Shoppers tried to order {times(len(rows))}; the shop accepted {len(accepted) or 'none'}{worth}.")
    others = Counter(row["outcome"] for row in rows if row["outcome"] not in ("ok", "slow"))
    if others:
        kinds = ", ".join(
            f"{count} {'was' if count == 1 else 'were'} {_OUTCOMES.get(outcome, outcome)}"
            for outcome, count in sorted(others.items())
        )
        sentences.append(f"Of the rest, {kinds}.")
    profile = record.evidence("load-profile")
    if isinstance(profile, Mapping):
        looks = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in profile["looks"].items() if count)
        share = profile["processor_s"] / max(profile["took_s"], 0.001)
        sentences.append(
            f"They came by the load profile {profile['name']} ({profile['profile']}); pages looked at: "
            f"{looks or 'none'}. The load itself took {share:.0%} of one processor."
        )
    figures.append(("Orders accepted", f"{len(accepted)} of {len(rows)}"))


def _queue(record: Record, window: FaultWindow, sentences: list[str], figures: list[tuple[str, str]]) -> None:
    samples = record.samples.get(DEPTH_SERIES, ())
    measured = [sample for sample in samples if sample.value is not None]
    # The drill's own test orders pass through the queue before and after.
    during = [sample.value or 0.0 for sample in measured if window.started_s <= sample.t_s <= window.ended_s]
    peak = max(during, default=0.0)
    if not window.put_in or not peak:
        return
    figures.append(("Messages in the queue at most", f"{peak:g}"))
    emptied = next((one.t_s for one in measured if one.t_s >= window.ended_s and one.value == 0), None)
    if emptied is None:
        sentences.append(f"The queue grew to {counted(int(peak), 'message')} and was never seen empty after the cure.")
        figures.append(("Queue empty after the cure", "not seen"))
    else:
        took = seconds(emptied - window.ended_s)
        sentences.append(f"The queue grew to {counted(int(peak), 'message')} and was empty {took} after the cure.")
        figures.append(("Queue empty after the cure", took))


def _accounts(
    record: Record, accounts: Mapping[str, Any], sentences: list[str], figures: list[tuple[str, str]]
) -> None:
    if not accounts:
        sentences.append("The drill did not come to comparing orders, charges and shipments.")
        return
    rows = accounts["rows"]
    agreed = sum(row["order_class"] == "agreed" for row in rows)
    shipped_once = sum(row["order_status"] == "SHIPPED" and row["processed"] == 1 for row in rows)
    figures.append(("Shipped exactly once", f"{shipped_once} of {len(rows)}"))
    figures.append(("Books agree on", f"{agreed} of {len(rows)}"))
    held = accounts["totals"]["held_cents"]
    if held is not None:
        figures.append(("Held by the bank", money(held)))
    own = len(own_orders(record) & {row["order_id"] for row in rows})
    among = f" ({own} of them the drill's own, to test it)" if own else ""
    found = Counter(one["order_class"] for one in accounts["disagreements"])
    if found:
        kinds = "; ".join(f"{in_words(name)}: {count}" for name, count in found.items())
        sentences.append(
            f"Shoppers, shop, bank and queue-master agree on {agreed} of {counted(len(rows), 'order')}{among}. "
            f"Where they do not: {kinds}."
        )
    else:
        sentences.append(
            f"Shoppers, shop, bank and queue-master agree on {'the' if agreed == 1 else 'all'} "
            f"{counted(agreed, 'order')}{among}; {shipped_once} shipped exactly once."
        )
