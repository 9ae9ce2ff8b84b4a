"""
Every order and every cent at the end of a drill: what shoppers, shop, bank and queue-master say, held against each
other and against what the incident promised to leave behind.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from drillyard.drills import expectations, order_book
from drillyard.drills.scene import Scene
from drillyard.reconcile.disagreements import OrderClass
from drillyard.reconcile.reconciliation import Reconciliation, reconcile
from drillyard.record.verdicts import Check, Outcome


async def account(scene: Scene) -> None:
    """Compares what everybody says; the last log line may still be on its way, so a disagreement is looked at again."""
    last: list[tuple[Reconciliation, int]] = []

    counts = {kind.value: scene.number(count) for kind, count in scene.incident.disagreements.items()}
    wanted = +Counter(counts)
    scene.record.evidence("expected-disagreements", dict(wanted))

    async def look() -> expectations.Seen:
        result, count = await _compare(scene)
        last[:] = [(result, count)]
        return Counter(one.order_class.value for one in result.disagreements) == wanted, result.summary()

    kept, seen = await expectations.patiently(scene, look)
    result, count = last[0]
    scene.record.evidence("reconciliation", result.to_json())
    scene.record.evidence("attempts", order_book.attributed(scene, await scene.yard.orders()))
    for one in result.disagreements if wanted else ():
        scene.say(f"order {one.order_id}: {one.order_class.words} ({one.text})")
    expected = ", ".join(f"{number} × “{OrderClass(name).words}”" for name, number in wanted.items())
    claim = "Shoppers, orders, bank and queue-master agree on every order and every cent"
    scene.note(
        Check(
            "reconciliation",
            Outcome.KEPT if kept else Outcome.BROKEN,
            "The reconciliation finds exactly what this incident leaves behind" if wanted else claim,
            f"{expected}, and nothing else" if wanted else f"{count} order(s) agreed",
            str(seen),
        )
    )


async def _compare(scene: Scene) -> tuple[Reconciliation, int]:
    """For every order and charge since the drill began: the comparison, and how many orders it is about."""
    stored = await scene.yard.orders()
    rows = order_book.attributed(scene, stored)
    asked = {row["order_id"] for row in rows if row["order_id"]}
    orders = [one for one in stored if one["id"] in asked or _since(one["date"]) >= scene.started_at]
    known = asked | {one["id"] for one in orders}
    began_s = int(scene.started_at.timestamp())
    charges = [
        one
        for one in await scene.yard.bank.charges()
        if one["metadata"].get("order_id") in known or one["created"] > began_s
    ]
    ids = {charge["id"] for charge in charges}
    refunds = [one for one in await scene.yard.bank.refunds() if one["charge"] in ids]
    processed = await expectations.processed_per_order(scene, known)
    scene.record.ledger("orders", orders)
    scene.record.ledger("charges", charges)
    return reconcile(rows, orders, charges, refunds, processed), len(known)


def _since(date: str) -> datetime:
    """An order's own date, `2025-10-28T10:04:42.603+0000`."""
    return datetime.strptime(date, "%Y-%m-%dT%H:%M:%S.%f%z")
