"""
What an incident cost: orders, customers, money and time, each counted from the record, each with how it was counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drillyard.drills.report.chart import seconds
from drillyard.drills.report.window import FaultWindow
from drillyard.drills.report.words import counted, money
from drillyard.record import Record


@dataclass(frozen=True)
class Cost:
    """One line of the bill."""

    what: str
    value: str
    how: str


@dataclass(frozen=True)
class Loss:
    """The drill's orders by what became of them while the fault was on, and in the end."""

    attempts: Sequence[Mapping[str, Any]]
    failed: Sequence[Mapping[str, Any]]
    waiting: frozenset[str]
    wrong: Sequence[Mapping[str, Any]]

    @property
    def customers(self) -> set[str]:
        """Who was told an error, waited, or is owed something."""
        orders = self.waiting | {str(row["order_id"]) for row in self.wrong}
        return {str(row["shopper"]) for row in self.failed} | {
            str(row["shopper"]) for row in self.attempts if row["order_id"] in orders
        }


def loss(record: Record, accounts: Mapping[str, Any]) -> Loss:
    """What the shoppers' ledger, the orders stored during the fault and the reconciliation say together."""
    attempts = record.ledger("shoppers") or []
    accepted = {str(row["order_id"]) for row in attempts if row["http_status"] == 201}
    during = {str(order["id"]): order["status"] for order in record.ledger("orders-during") or ()}
    return Loss(
        attempts=attempts,
        failed=[row for row in attempts if row["outcome"] not in ("ok", "slow")],
        waiting=frozenset(one for one in accepted if during.get(one, "SHIPPED") != "SHIPPED"),
        wrong=[row for row in accounts.get("rows", ()) if row["order_class"] != "agreed"],
    )


def impact(record: Record, window: FaultWindow, accounts: Mapping[str, Any]) -> tuple[Cost, ...]:
    """The bill, in the order in which people ask; what the record does not hold is left out."""
    found = loss(record, accounts)
    costs = list(_orders(found)) if found.attempts else []
    if accounts:
        costs += _money(found)
    if window.put_in:
        costs += _times(record, window)
    return tuple(costs)


def _orders(found: Loss) -> list[Cost]:
    tried = len(found.attempts)
    return [
        Cost("Orders that failed", f"{len(found.failed)} of {tried}", "attempts that the shop did not accept"),
        Cost(
            "Orders kept waiting",
            f"{len(found.waiting)} of {tried}",
            "accepted, and not shipped while the fault was on",
        ),
        Cost("Customers affected", str(len(found.customers)), "told an error, kept waiting, or owed something"),
        Cost(
            "Sales that failed",
            money(sum(row["expected_cents"] or 0 for row in found.failed)),
            "what these customers saw as their total",
        ),
    ]


def _money(found: Loss) -> list[Cost]:
    taken = [row for row in found.wrong if row["order_status"] == "PAYMENT_FAILED" and row["charges"]]
    unshipped = [row for row in found.wrong if row["order_class"] == "paid_not_shipped"]
    owed = sum((row["charged_cents"] or 0) - (row["refunded_cents"] or 0) for row in taken)
    return [
        Cost("Taken for failed orders", money(owed), f"{counted(len(taken), 'charge')} to refund or to honour"),
        Cost(
            "Paid and not shipped in the end",
            money(sum(row["order_cents"] or 0 for row in unshipped)),
            counted(len(unshipped), "order"),
        ),
    ]


def _times(record: Record, window: FaultWindow) -> list[Cost]:
    costs = []
    felt = [one.t_s for one in record.entries if one.kind == "order" and one.data.get("outcome") not in ("ok", "slow")]
    if felt and felt[0] >= window.started_s:
        costs.append(
            Cost("First customer hurt after", seconds(felt[0] - window.started_s), "fault put in → first failed order")
        )
    shown = [one.t_s for one in record.entries if one.kind == "check" and _shows_it(one.data)]
    shown = sorted(t_s for t_s in (*felt[:1], *shown[:1]) if t_s >= window.started_s)
    if shown:
        took = seconds(shown[0] - window.started_s)
        how = "fault put in → first failed order, or first symptom that the drill found after the load"
        costs.append(Cost("Could be detected after", took, how))
    heal = next((phase.started_s for phase in record.phases if phase.name == "heal"), None)
    if heal is not None and window.healed:
        costs.append(Cost("Cured after", seconds(window.ended_s - heal), "cure begun → effect gone"))
        whole = [
            one.t_s for one in record.entries if one.kind == "check" and one.data.get("name") == "recovered-canary"
        ]
        if whole:
            took = seconds(whole[0] - heal)
            costs.append(Cost("Recovered after", took, "cure begun → a fresh order was shipped"))
    return costs


def _shows_it(check: Mapping[str, Any]) -> bool:
    return str(check.get("name", "")).startswith("while-on-") and check.get("outcome") == "kept"
