"""A drill of incident 5 that was never played: everybody's books, samples and queries, with single twists."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from drillyard.base.clock import VirtualClock, rfc3339
from drillyard.reconcile import reconcile
from drillyard.record import Check, Outcome, Record, RecordWriter, Verdict

CENTS = (10498, 3232, 1999, 5695, 2097)
Twist = Callable[["Drill"], None]


class Drill:
    """What the parties will say; a test changes it before it is written down."""

    def __init__(self) -> None:
        self.ids = [f"6900953ac1f4320001b5070{number}" for number in range(1, 6)]
        self.depth_after_cure: list[float | None] = [5, 4, 3, 2, 1, 0, 0, 0]
        self.shoppers: list[dict[str, Any]] = []
        self.orders: list[dict[str, Any]] = []
        self.charges: list[dict[str, Any]] = []
        self.processed = dict.fromkeys(self.ids, 1)
        self.output = "found: deployment queue-master has 0 of 0 replicas\nscaled it to 1"
        self.accounts = True
        self.verdict: Verdict | None = None
        for number, (order_id, cents) in enumerate(zip(self.ids, CENTS, strict=True), start=1):
            self.shoppers.append(
                {
                    "shopper": "shopper-42-1",
                    "number": number,
                    "order_id": order_id,
                    "outcome": "ok",
                    "http_status": 201,
                    "status_seen": "PAID",
                    "expected_cents": cents,
                    "total_cents": cents,
                }
            )
            self.orders.append({"id": order_id, "status": "SHIPPED", "total": cents / 100})
            self.charges.append(
                {
                    "id": f"ch_{number}",
                    "amount": cents,
                    "captured": True,
                    "amount_captured": cents,
                    "amount_refunded": 0,
                    "status": "succeeded",
                    "metadata": {"order_id": order_id},
                }
            )

    def checks(self) -> list[Check]:
        return [
            Check("answered", Outcome.KEPT, "Every order was answered 201 and PAID", "5 × 201 PAID", "5 × 201; 5 × PAID"),
            Check("queue", Outcome.KEPT, "The queue holds each order", "5 messages, 0 consumers", "5 messages, 0 consumers"),
            Check("silent", Outcome.KEPT, "No Spring service says WARN or ERROR", "no log", "0 logs"),
        ]  # fmt: skip


def written(root: Path, twist: Twist | None = None, *, finish: bool = True) -> Record:
    """The record of that drill."""
    drill = Drill()
    if twist is not None:
        twist(drill)
    return asyncio.run(_written(root, drill, finish))


async def _written(root: Path, drill: Drill, finish: bool) -> Record:
    clock = VirtualClock()
    record = RecordWriter.create(
        root,
        incident="queue-consumer-down",
        yard="default",
        seed=42,
        clock=clock,
        versions={"drillyard": "0.1.0", "python": "3.11.9"},
        command="drill run queue-consumer-down --seed 42",
    )
    record.evidence(
        "incident",
        {
            "title": "Queue consumer unavailable",
            "brief": "Orders placed in the last hour haven't shipped. Front-end shows orders succeeded. Investigate.",
            "cause": "The only consumer of the queue shipping-task is scaled to 0, so paid orders are never shipped.",
        },
    )
    await _baseline(record, clock)
    await _fault_and_load(record, clock, drill)
    await _cure(record, clock, drill)
    if drill.accounts:
        accounts = reconcile(drill.shoppers, drill.orders, drill.charges, [], drill.processed)
        record.evidence("reconciliation", accounts.to_json())
    if finish:
        record.finish(drill.verdict)
    record.close()
    return Record.open(record.path)


async def _baseline(record: RecordWriter, clock: VirtualClock) -> None:
    record.phase("baseline")
    for _ in range(12):
        _measure(record, 0, 1)
        await clock.advance(0.25)
    record.check(Check("ready", Outcome.KEPT, "All pods of the shop are Ready", "14 of 14", "14 of 14"))
    record.note("step", "canary order 6900953ac1f4320001b50700 SHIPPED after 0.6 s")


async def _fault_and_load(record: RecordWriter, clock: VirtualClock, drill: Drill) -> None:
    record.phase("inject")
    record.note("fault", "put in: deployment queue-master scaled to 0", fault={"deployment": "queue-master"})
    await clock.advance(0.8)
    _measure(record, 0, 0)
    record.check(
        Check("fault-is-on", Outcome.KEPT, "The fault is on", "its effect is seen", "consumers 0, no endpoints")
    )
    record.phase("load")
    for depth, row in enumerate(drill.shoppers, start=1):
        await clock.advance(0.9)
        record.note("order", f"order {row['order_id']}: {row['http_status']} {row['status_seen']}", **row)
        _measure(record, depth, 0)
    record.ledger("shoppers", drill.shoppers)
    record.phase("observe")
    for check in drill.checks():
        record.check(check)
    record.evidence("queries", queries(rfc3339(clock.now())))
    for _ in range(10):
        await clock.advance(0.25)
        _measure(record, 5, 0)
    record.phase("hold")
    record.evidence("investigator-output", drill.output)
    record.evidence("investigator-changes", ["deployment queue-master: replicas 0 → 1"])


async def _cure(record: RecordWriter, clock: VirtualClock, drill: Drill) -> None:
    record.phase("heal")
    await clock.advance(0.4)
    record.check(
        Check(
            "healed",
            Outcome.KEPT,
            "The fault is over: “deployment queue-master scaled to 0”",
            "its effect is gone",
            "1 consumer",
        )
    )
    record.phase("verify")
    for depth in drill.depth_after_cure:
        _measure(record, depth, 1)
        await clock.advance(0.25)


def _measure(record: RecordWriter, depth: float | None, consumers: float) -> None:
    record.sample("queue_depth", depth)
    record.sample("consumers", consumers)


def queries(to: str) -> list[dict[str, Any]]:
    """Two of the document's detection queries, one of them with its corrected form."""

    def run(title: str, source: str, query: str, count: int, why: str | None, *samples: str) -> dict[str, Any]:
        window = {"from": "2025-11-05T20:00:03.800Z", "to": to}
        row = {"title": title, "source": source, "query": query, "kind": "logs", "count": count, "explanation": why}
        return {**row, **window, "samples": list(samples)}

    return [
        run("Detection 1: pod status", "document", "kube_namespace:sock-shop kube_deployment:queue-master", 0, None),
        run(
            "Detection 2: shipping still publishing",
            "document",
            'kube_namespace:sock-shop service:shipping "Published"',
            0,
            "The tag service is the short name of the image, sock-shop-shipping; nothing is called shipping.",
        ),
        run(
            "Detection 2: shipping still publishing",
            "corrected",
            'kube_namespace:sock-shop service:sock-shop-shipping "Published"',
            5,
            None,
            "2025-11-05T20:00:04.712Z Published shipment 7e77 for order 6900953ac1f4320001b50701 to queue: shipping-task",
        ),
    ]
