"""
Every pod of the shop killed (-9), one after the other, while shoppers order.

After each kill: the pod comes back, every order that was answered 201 is stored and charged once, and every other
disagreement between shoppers, orders, bank and queue-master is listed by order id and class.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from typing import Any

from drillyard.base.clock import SystemClock
from drillyard.load.ledger import ShopperLedger
from drillyard.load.shopping import place_orders
from drillyard.yard.yard import SHOP_NAMESPACE, Yard, open_yard
from torture.account import account
from torture.pod_kill import BACK_MAX_S, kill_processes, pod_of, wait_until_back
from torture.torture_yard import YARD, drill, say

TITLE = "Every pod killed under load"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--orders", type=int, default=18, help="orders placed around each kill (default 18)")
    parser.add_argument("--pods", default="", help="only these deployments, parted by commas")


def play(options: argparse.Namespace, home: str) -> bool:
    """True when every pod came back and no accepted order was lost or charged otherwise than once."""
    drill("up", home=home)
    try:
        return asyncio.run(kill_every_pod(options.orders, [name for name in options.pods.split(",") if name]))
    finally:
        drill("down", home=home)


async def kill_every_pod(orders: int, only: list[str]) -> bool:
    """True when after each kill the pod came back and no accepted order was lost or charged otherwise than once."""
    whole = True
    async with open_yard(YARD) as yard:
        deployments = (await yard.api.list("deployments", SHOP_NAMESPACE)).items
        for deployment in sorted(one["metadata"]["name"] for one in deployments):
            if not only or deployment in only:
                whole = await kill_one(yard, deployment, orders) and whole
    return whole


async def kill_one(yard: Yard, name: str, orders: int) -> bool:
    """Kills the pod's processes after a third of the orders, and accounts for all of them."""
    clock = SystemClock()
    ledger = ShopperLedger()
    killed = asyncio.Event()

    def placed(_: Any) -> None:
        if len(ledger) >= orders // 3 and not killed.is_set():
            killed.set()

    pod = await pod_of(yard, name)
    shopping = asyncio.ensure_future(
        place_orders(yard.url("front-end"), orders, 1, clock, on_order=placed, concurrency=3, ledger=ledger)
    )
    await asyncio.wait_for(killed.wait(), 60)
    count = kill_processes(pod)
    back_s = await wait_until_back(yard, name, pod)
    await shopping
    result = await account(yard, ledger)
    stored = {order["id"] for order in await yard.orders()}
    charges = Counter(one["metadata"].get("order_id") for one in await yard.bank.charges() if one["paid"])
    lost = [one for one in ledger.order_ids if one not in stored]
    miscounted = [one for one in ledger.order_ids if charges[one] != 1]
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in ledger.counts.items() if number)
    say(f"{name:14} {count} process(es) killed, back after {back_s:4.1f} s; orders: {outcomes}; {result.summary()}")
    for one in result.disagreements:
        say(f"{'':14}   {one.order_class.value}: {one.order_id}: {one.text}")
    for one in lost:
        say(f"{'':14}   LOST: {one} was answered 201 and is not stored")
    for one in miscounted:
        say(f"{'':14}   MISCHARGED: {one} was answered 201 and charged {charges[one]} times")
    return count > 0 and back_s < BACK_MAX_S and not lost and not miscounted
