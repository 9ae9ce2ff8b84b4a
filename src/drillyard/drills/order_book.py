"""
What shop, bank and cluster say about the drill's own orders, also about those that no answer named.

An order belongs to the drill when its customer is one of the accounts that the drill's shoppers registered: what an
investigator or an earlier drill did is then nobody's mistake.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import httpx

from drillyard.base.errors import DrillyardError
from drillyard.drills.scene import Scene
from drillyard.record.plain import plain
from drillyard.yard.yard import SHOP_NAMESPACE

_STATUS_SCRIPT = "/js/order-status.js"


async def own_orders(scene: Scene) -> list[dict[str, Any]]:
    """The stored orders of the drill's shoppers, oldest first."""
    mine = scene.shoppers
    return [order for order in await scene.yard.orders() if (order.get("customer") or {}).get("username") in mine]


async def charges_per_order(scene: Scene, orders: Sequence[dict[str, Any]]) -> Counter[str]:
    """How many charges that took money the bank has for each of these orders."""
    ids = {order["id"] for order in orders}
    return Counter(
        charge["metadata"]["order_id"]
        for charge in await scene.yard.bank.charges()
        if charge["status"] == "succeeded" and charge["metadata"].get("order_id") in ids
    )


def twins(orders: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    """Pairs of orders, one right after the other by the same customer, for the same socks and the same total."""
    by_customer: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for order in sorted(orders, key=lambda order: str(order["date"])):
        by_customer[order["customerId"]].append(order)
    pairs: list[tuple[str, str]] = []
    for own in by_customer.values():
        left = list(own)
        while len(left) > 1:
            first, second = left[0], left[1]
            if (first["items"], first["total"]) == (second["items"], second["total"]):
                pairs.append((first["id"], second["id"]))
                del left[1]
            del left[0]
    return pairs


def attributed(scene: Scene, orders: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    The shoppers' rows as plain data, each with its order where the answer named none.

    A shopper orders one after the other under a name of its own, so its n-th attempt at the button is its n-th stored
    order, provided that there are as many of both; where not, nothing is guessed.
    """
    rows: list[dict[str, Any]] = [plain(row) for row in scene.ledger]
    by_shopper: dict[str, list[str]] = defaultdict(list)
    for order in sorted(orders, key=lambda order: str(order["date"])):
        by_shopper[str((order.get("customer") or {}).get("username"))].append(order["id"])
    for shopper, ids in by_shopper.items():
        own = sorted((row for row in rows if row["shopper"] == shopper), key=lambda row: int(row["number"]))
        tried = [row for row in own if row["step"] == "order"]
        fits = len(tried) == len(ids) and all(row["order_id"] in (None, id) for row, id in zip(tried, ids, strict=True))
        if fits:
            for row, order_id in zip(tried, ids, strict=True):
                row["order_id"] = order_id
    return rows


async def restarts(scene: Scene) -> dict[str, int]:
    """`pod/container` → restarts, of all pods of the shop."""
    pods = (await scene.yard.api.list("pods", SHOP_NAMESPACE)).items
    return {
        f"{pod['metadata']['name']}/{one['name']}": int(one.get("restartCount", 0))
        for pod in pods
        for one in pod.get("status", {}).get("containerStatuses") or ()
    }


async def page_is_hard_coded(scene: Scene) -> bool:
    """Whether the script that names an order's status, as the front end serves it now, knows of a failed one."""
    url = scene.yard.url("front-end")
    try:
        async with httpx.AsyncClient(base_url=url, timeout=10, trust_env=False, transport=scene.transport) as client:
            answer = await client.get(_STATUS_SCRIPT)
            answer.raise_for_status()
    except httpx.HTTPError as lost:
        raise DrillyardError(f"{_STATUS_SCRIPT} was not answered: {type(lost).__name__} {lost}.") from lost
    return "PAYMENT_FAILED" not in answer.text
