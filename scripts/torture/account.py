"""Whether shoppers, orders, bank and queue-master agree, once the queue has drained."""

from __future__ import annotations

from drillyard.base.clock import SystemClock
from drillyard.load.ledger import ShopperLedger
from drillyard.reconcile.reconciliation import Reconciliation, reconcile
from drillyard.record.plain import plain
from drillyard.yard.yard import Yard


async def account(yard: Yard, ledger: ShopperLedger) -> Reconciliation:
    """The last of several comparisons: the queue may still be draining, and log lines may be on their way."""
    clock = SystemClock()
    ids = {row.order_id for row in ledger if row.order_id}
    start = min(row.started_at for row in ledger)
    deadline = clock.monotonic_s() + 10
    while True:
        orders = [one for one in await yard.orders() if one["id"] in ids]
        charges = [one for one in await yard.bank.charges() if one["metadata"].get("order_id") in ids]
        query = 'kube_namespace:sock-shop service:sock-shop-queue-master "Message processed successfully"'
        lines = (await yard.datadog.logs(query, start, clock.now())).items
        texts = [line["attributes"]["message"] for line in lines]
        processed = {one: sum(one in text for text in texts) for one in ids}
        result = reconcile([plain(row) for row in ledger], orders, charges, [], processed)
        if result.agreed or clock.monotonic_s() > deadline:
            return result
        await clock.sleep(0.5)
