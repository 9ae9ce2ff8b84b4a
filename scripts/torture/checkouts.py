"""
Thousands of checkouts while stores and the broker are killed (-9) at random; then everybody's books are compared.

The seed chooses what is bought, and which store is killed after which pause; it does not repeat the kernel's
scheduling. Afterwards the bank's ledger, the stored orders, the queue, queue-master's work and the shoppers' ledger are
compared order by order. Every disagreement is listed with its order id, under the entry of docs/known-disagreements.md
that it is; one that is no entry there breaks the promise.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from drillyard.base.clock import SystemClock
from drillyard.base.errors import DrillyardError
from drillyard.load.ledger import Attempt, ShopperLedger
from drillyard.load.shopping import place_orders
from drillyard.reconcile.disagreements import Disagreement
from drillyard.reconcile.reconciliation import Reconciliation, reconcile
from drillyard.record.plain import plain
from drillyard.shop.shipping_queue import QUEUE
from drillyard.yard.yard import Yard, open_yard
from torture.known_disagreements import Evidence, Kill, explain
from torture.pod_kill import BACK_MAX_S, kill_processes, pod_of, wait_until_back
from torture.torture_yard import YARD, drill, say

TITLE = "Checkouts while stores and the broker are killed"
STORES = ("catalogue-db", "carts-db", "orders-db", "user-db", "session-db", "rabbitmq")
SHOPPERS = 20
PAUSE_S = (2.0, 8.0)
DRAIN_S = 300.0
SETTLE_S = 60.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkouts", type=int, default=2000, help="how many checkouts, 20 at a time (default 2000)")
    parser.add_argument("--stores", default=",".join(STORES), help="what may be killed, parted by commas")


def play(options: argparse.Namespace, home: str) -> bool:
    """True when nobody disagrees about anything but what the as-found shop is known for."""
    started = drill("up", "--env", "queue-master.WORK_MS=20", home=home)
    if started.returncode:
        say(started.stderr.strip())
        return False
    try:
        return asyncio.run(checkouts(options.checkouts, options.seed, options.stores.split(",")))
    finally:
        drill("down", home=home)


async def checkouts(count: int, seed: int, stores: list[str]) -> bool:
    """Places, kills, waits until the queue is empty, and accounts."""
    async with open_yard(YARD) as yard:
        ledger, kills = ShopperLedger(), list[Kill]()
        shopping = asyncio.create_task(
            place_orders(yard.url("front-end"), count, seed, SystemClock(), concurrency=SHOPPERS, ledger=ledger)
        )
        killing = asyncio.create_task(kill_at_random(yard, random.Random(f"{seed}/kills"), stores, kills))
        await asyncio.wait({shopping, killing}, return_when=asyncio.FIRST_COMPLETED)
        if killing.done():
            shopping.cancel()
        killing.cancel()
        outcomes = await asyncio.gather(shopping, killing, return_exceptions=True)
        failed = [one for one in outcomes if isinstance(one, Exception)]
        if failed:
            raise failed[0]
        placed = ", ".join(f"{number} {outcome}" for outcome, number in ledger.counts.items() if number)
        say(f"{len(ledger)} checkouts: {placed}; killed: {_counted(Counter(one.store for one in kills))}")
        say_what_failed(ledger)
        kept = await judged(yard, ledger, kills)
        if len(ledger.accepted) < count // 3:
            say(f"UNCLEAR: only {len(ledger.accepted)} of {count} checkouts were accepted, which proves nothing")
            return False
        return kept


async def kill_at_random(yard: Yard, generator: random.Random, stores: list[str], kills: list[Kill]) -> None:
    """
    Kills one store, waits until it is back and a while more, and again, until it is cancelled.

    Each store once before any a second time, so that no run is about one store alone.
    """
    clock = SystemClock()
    for store in shuffled(stores, generator):
        pause_s = generator.uniform(*PAUSE_S)
        await clock.sleep(pause_s)
        waiting = (await yard.broker.queue(QUEUE)).messages
        pod = await pod_of(yard, store)
        at = clock.now()
        if not kill_processes(pod):
            raise DrillyardError(f"No process of {store} was found to kill.")
        kills.append(Kill(store, at, datetime.max.replace(tzinfo=at.tzinfo), waiting))
        back_s = await wait_until_back(yard, store, pod)
        kills[-1] = Kill(store, at, clock.now(), waiting)
        say(f"  {at:%H:%M:%S} {store} killed with {waiting} message(s) waiting, back after {back_s:.1f} s")
        if back_s >= BACK_MAX_S:
            raise DrillyardError(f"{store} did not come back within {BACK_MAX_S:g} s.")


def shuffled(stores: list[str], generator: random.Random) -> Iterator[str]:
    """All of them in a random order, and again in another one, for ever."""
    while True:
        yield from generator.sample(stores, len(stores))


async def judged(yard: Yard, ledger: ShopperLedger, kills: list[Kill]) -> bool:
    """Says every disagreement under its entry; True when each has one."""
    drained_s = await drained(yard)
    if drained_s is None:
        left = (await yard.broker.queue(QUEUE)).messages
        say(f"BROKEN: {left} message(s) still wait in the queue after {DRAIN_S:g} s")
        return False
    orders, result = await compared(yard, ledger)
    say(f"the queue was empty after {drained_s:.0f} s; {result.summary()}")
    known, unknown = await sorted_out(yard, result, orders, ledger, kills)
    for (name, store), found in sorted(known.items()):
        say(f"known: {name} ({store} killed), {len(found)}:")
        say(
            textwrap.fill(
                " ".join(str(one.order_id) for one in found), 118, initial_indent="  ", subsequent_indent="  "
            )
        )
    for one in unknown:
        say(f"UNKNOWN: {one.order_class.value}: {one.order_id}: {one.text}")
    lost = sum(len(found) for (name, _), found in known.items() if name == "shipments lost with the queue")
    most = sum(one.waiting + 2 * SHOPPERS for one in kills if one.store == "rabbitmq")
    if lost > most:
        say(f"UNKNOWN: {lost} shipments were lost, though at most {most} could be waiting or on their way")
    return not unknown and lost <= most


async def drained(yard: Yard) -> float | None:
    """Seconds until the queue is empty and consumed; None when it is not within the limit."""
    clock = SystemClock()
    began_s = clock.monotonic_s()
    while clock.monotonic_s() - began_s < DRAIN_S:
        queue = await yard.broker.queue(QUEUE)
        if queue.messages == 0 and queue.consumers:
            return clock.monotonic_s() - began_s
        await clock.sleep(0.5)
    return None


async def compared(yard: Yard, ledger: ShopperLedger) -> tuple[list[dict[str, Any]], Reconciliation]:
    """
    The comparison after the books have stood still: log lines may be on their way when the queue is already empty.
    """
    clock = SystemClock()
    start = min(row.started_at for row in ledger)
    deadline_s = clock.monotonic_s() + SETTLE_S
    previous = -1
    while True:
        orders, charges, refunds = await yard.orders(), await yard.bank.charges(), await yard.bank.refunds()
        processed = await processed_orders(yard, start)
        result = reconcile([plain(row) for row in ledger], orders, charges, refunds, processed)
        if len(result.disagreements) == previous or clock.monotonic_s() > deadline_s:
            return orders, result
        previous = len(result.disagreements)
        await clock.sleep(5)


async def processed_orders(yard: Yard, start: datetime) -> Counter[str]:
    """How often queue-master processed each order, by its log lines in the telemetry."""
    query = 'kube_namespace:sock-shop service:sock-shop-queue-master "Message processed successfully"'
    lines = (await yard.datadog.logs(query, start, SystemClock().now())).items
    found = (re.search(r"order ([0-9a-f]{24})", line["attributes"]["message"]) for line in lines)
    return Counter(match[1] for match in found if match)


async def sorted_out(
    yard: Yard, result: Reconciliation, orders: list[dict[str, Any]], ledger: ShopperLedger, kills: list[Kill]
) -> tuple[Mapping[tuple[str, str], list[Disagreement]], list[Disagreement]]:
    """The disagreements by entry and store, and those that are no entry."""
    by_id = {one["id"]: one for one in orders}
    attempts: dict[str, Attempt] = {row.order_id: row for row in ledger if row.order_id}
    known = defaultdict[tuple[str, str], list[Disagreement]](list)
    unknown = []
    for one in result.disagreements:
        order = by_id.get(one.order_id or "")
        explained = None
        if order is not None:
            history = await history_of(yard, order["id"])
            explained = explain(one, Evidence(order, history, attempts.get(order["id"]), kills))
        if explained is None:
            unknown.append(one)
        else:
            known[explained[0].name, explained[1].store].append(one)
    return known, unknown


async def history_of(yard: Yard, order_id: str) -> dict[str, datetime]:
    """When the order took each of its statuses."""
    answer = await yard.look("orders", f"/orders/{order_id}")
    history = re.findall(r'"status" : "(\w+)",\s+"at" : "([^"]+)"', answer.text)
    return {status: datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%f%z") for status, at in history}


def say_what_failed(ledger: ShopperLedger) -> None:
    """The errors that shoppers were shown, without what differs from order to order."""
    told = Counter(
        re.sub(r"[0-9a-f]{24}|\d{4,}", "…", f"{row.step}: {row.error}") for row in ledger if not row.outcome.accepted
    )
    for text, number in told.most_common(12):
        say(f"  {number:4} × {text}")


def _counted(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}×" for name, number in sorted(numbers.items())) or "nothing"
