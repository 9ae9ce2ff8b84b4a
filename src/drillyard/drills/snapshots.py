"""
What the books held before, during and after: orders, charges, refunds, queue and pods at one moment each.

A party that does not answer while the fault is on has no snapshot of that moment, and the journal says why: that it
could not be asked is a finding too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, Literal

from drillyard.base.errors import DrillyardError
from drillyard.cluster.client import ApiError
from drillyard.drills.scene import Scene
from drillyard.reconcile.books import payment_limit_cents
from drillyard.yard.yard import SHOP_NAMESPACE

Moment = Literal["before", "during", "after"]
QUEUE = "shipping-task"


async def take(scene: Scene, moment: Moment) -> None:
    """Writes `ledgers/{orders,charges,refunds}-MOMENT.json` and `evidence/{queue,pods}-MOMENT.json`."""
    yard, record = scene.yard, scene.record
    for name, rows in (("orders", yard.orders), ("charges", yard.bank.charges), ("refunds", yard.bank.refunds)):
        found = await _asked(scene, name, moment, rows)
        if found is not None:
            record.ledger(f"{name}-{moment}", found)
    for name, look in (("queue", lambda: _queue(scene)), ("pods", lambda: _pods(scene))):
        seen = await _asked(scene, name, moment, look)
        if seen is not None:
            record.evidence(f"{name}-{moment}", seen)


async def keep_rule(scene: Scene) -> None:
    """Writes `evidence/payment-rule.json`: what payment declines with or without a fault."""
    limit_cents = await _asked(scene, "payment's limit", "before", lambda: payment_limit_cents(scene.yard))
    scene.record.evidence("payment-rule", {"limit_cents": limit_cents})


async def _asked(scene: Scene, name: str, moment: Moment, look: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await look()
    except (DrillyardError, ApiError) as problem:
        when = {"before": "before the fault", "during": "while the fault was on", "after": "after the cure"}[moment]
        scene.record.note("step", f"the {name} could not be read {when}: {problem.message}")
        return None


async def _queue(scene: Scene) -> dict[str, Any]:
    return {"name": QUEUE, **asdict(await scene.yard.broker.queue(QUEUE))}


async def _pods(scene: Scene) -> list[dict[str, Any]]:
    pods = (await scene.yard.api.list("pods", SHOP_NAMESPACE)).items
    return [
        {
            "name": pod["metadata"]["name"],
            "phase": pod["status"].get("phase"),
            "ready": any(
                one["type"] == "Ready" and one["status"] == "True" for one in pod["status"].get("conditions") or ()
            ),
            "restarts": sum(int(one.get("restartCount", 0)) for one in pod["status"].get("containerStatuses") or ()),
        }
        for pod in pods
    ]
