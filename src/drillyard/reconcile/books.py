"""
The books of all parties, fetched from a running yard: orders, bank, queue, and queue-master's log.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from drillyard.reconcile.reconciliation import Reconciliation, reconcile
from drillyard.yard.yard import SHOP_NAMESPACE, Yard

QUEUE = "shipping-task"
_PROCESSED = 'kube_namespace:sock-shop service:sock-shop-queue-master "Message processed successfully"'
_PAYMENT_LIMIT = 105.0
"""What payment authorises where DECLINE_OVER is not set (wire contract, payment)."""


@dataclass(frozen=True)
class Fetched:
    """What everybody said at one moment. `queued`: messages in the queue, given out or not."""

    orders: list[dict[str, Any]]
    charges: list[dict[str, Any]]
    found: Reconciliation
    queued: int
    limit_cents: int | None


async def fetch(yard: Yard) -> Fetched:
    """
    All orders of the yard. Raises DrillyardError when orders, the bank, the broker or the telemetry do not answer.

    There are no shoppers' ledgers here: what customers were told is not compared.
    """
    orders = await yard.orders()
    charges, refunds = await yard.bank.charges(), await yard.bank.refunds()
    lines = await yard.datadog.logs(_PROCESSED, datetime(2020, 1, 1, tzinfo=UTC), yard.clock.now())
    processed = Counter(
        str(line["attributes"]["message"]).rpartition(" order ")[2].split()[0]
        for line in lines.items
        if " order " in line["attributes"]["message"]
    )
    queue = await yard.broker.queue(QUEUE)
    return Fetched(
        orders=orders,
        charges=charges,
        found=reconcile([], orders, charges, refunds, processed),
        queued=queue.messages,
        limit_cents=await payment_limit_cents(yard),
    )


async def payment_limit_cents(yard: Yard) -> int | None:
    """What payment authorises at most now; None where its setting is no number. Raises ApiError."""
    deployment = await yard.api.get("deployments", SHOP_NAMESPACE, "payment")
    containers = deployment["spec"]["template"]["spec"]["containers"]
    settings = {one["name"]: one.get("value", "") for c in containers for one in c.get("env") or ()}
    try:
        return round(float(settings.get("DECLINE_OVER") or _PAYMENT_LIMIT) * 100)
    except ValueError:
        return None
