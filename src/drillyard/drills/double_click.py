"""
The proof that a double click was one: where the defect is in the shop already, the load is what breaks it.

A load that clicks once by mistake would find nothing wrong, and the drill would blame the incident. So each click must
have left two rows with its shopper, and the front end must have logged as many requests.
"""

from __future__ import annotations

from collections import Counter

from drillyard.base.errors import DrillyardError
from drillyard.drills import expectations
from drillyard.drills.scene import Scene
from drillyard.record.verdicts import Check, Outcome
from drillyard.yard.yard import SHOP_NAMESPACE

# The line begins with the escape that ends a colour, and a word of the search begins where a word of the line does.
_REQUESTS = f'kube_namespace:{SHOP_NAMESPACE} service:sock-shop-front-end "0mPOST /orders"'
_PATIENCE_S = 15.0


async def proof(scene: Scene) -> Check:
    """The check `fault-is-on` of a drill whose shoppers click twice: INVALID where they did not."""
    rows = Counter((row.shopper, row.number) for row in scene.ledger)
    twice = sum(count == 2 for count in rows.values())
    arrived = 0

    async def look() -> expectations.Seen:
        nonlocal arrived
        start = scene.fault_on_at or scene.started_at
        arrived = await scene.yard.datadog.count(_REQUESTS, start, scene.clock.now())
        return arrived >= 2 * len(rows), arrived

    try:
        enough, _ = await expectations.patiently(scene, look, _PATIENCE_S)
    except DrillyardError as problem:
        enough, seen = False, f"the front end's log could not be searched: {problem.message}"
    else:
        seen = f"{twice} of {len(rows)} clicked twice, {arrived} request(s) reached the front end"
    holds = enough and bool(rows) and twice == len(rows)
    return Check(
        "fault-is-on",
        Outcome.KEPT if holds else Outcome.INVALID,
        "The fault is on: “shoppers click twice, and the shop has nothing against it”",
        f"{len(rows)} clicked twice, {2 * len(rows)} requests",
        seen,
    )
