"""
Before anything is broken: is the shop whole, from the front end to SHIPPED, and would its failing be seen?

Ready pods prove little. So an order is placed and followed to its end, and its log
line is read back through the search API: what an on-call would use is what is tested.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx

from drillyard.base.errors import DrillyardError
from drillyard.drills import expectations
from drillyard.drills.scene import Scene
from drillyard.incidents.expectation import Canary, Expectation, Queue
from drillyard.record.verdicts import Check, judge_later
from drillyard.yard.yard import SHOP_NAMESPACE

_PATIENCE_S = 15.0


async def look(scene: Scene) -> list[Check]:
    """The baseline's checks, in order; it stops at the first that does not hold."""
    steps: list[Callable[[], Awaitable[Check]]] = [
        lambda: judge_later("baseline-pods", "Every pod of the shop is Ready", "all Ready", lambda: _pods(scene)),
        lambda: expectations.check(
            scene, Expectation(queue=Queue(queue="shipping-task", messages=0, consumers=1)), phase="baseline"
        ),
        lambda: expectations.check(scene, Expectation(canary=Canary()), phase="baseline"),
        lambda: judge_later(
            "baseline-log-canary",
            "The canary order's log lines can be read back through the search API",
            "found in the logs of orders, shipping and queue-master",
            lambda: expectations.patiently(scene, lambda: _log_canary(scene), _PATIENCE_S),
        ),
    ]
    checks: list[Check] = []
    for step in steps:
        checks.append(await step())
        if checks[-1].outcome.severity:
            break
    return checks


async def wait_until_searchable(scene: Scene) -> None:
    """
    Waits until a request that was made now is found in the logs.

    Its line was written after all that the shoppers caused, so whatever is not found by then was never written. Raises
    DrillyardError when it is not found in time: then nothing could be said of what is absent.
    """
    # A picture that there is not: no store is asked for it, and no breaker counts it.
    marker = f"/catalogue/images/{int(scene.clock.now().timestamp() * 1000):x}"
    try:
        async with httpx.AsyncClient(timeout=10, trust_env=False, transport=scene.transport) as client:
            await client.get(scene.yard.url("front-end") + marker)
    except httpx.HTTPError as lost:
        raise DrillyardError(f"The front end does not answer: {type(lost).__name__} {lost}.") from lost
    query = f'kube_namespace:{SHOP_NAMESPACE} service:sock-shop-front-end "{marker.rpartition("/")[2]}"'
    kept, _ = await expectations.patiently(scene, lambda: _found(scene, query), _PATIENCE_S)
    if not kept:
        raise DrillyardError(f"New log lines cannot be found by a search within {_PATIENCE_S:.0f} s.")


async def _found(scene: Scene, query: str) -> expectations.Seen:
    found = await scene.yard.datadog.logs(query, scene.started_at, scene.clock.now(), limit=1)
    return found.count > 0, f"{found.count} log(s)"


async def _pods(scene: Scene) -> expectations.Seen:
    pods = (await scene.yard.api.list("pods", SHOP_NAMESPACE)).items
    waiting = [pod["metadata"]["name"] + _why(pod) for pod in pods if not _ready(pod)]
    return bool(pods) and not waiting, f"{len(pods) - len(waiting)} of {len(pods)} Ready" + (
        f"; not: {', '.join(waiting)}" if waiting else ""
    )


def _ready(pod: dict) -> bool:  # type: ignore[type-arg]
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _why(pod: dict) -> str:  # type: ignore[type-arg]
    """What a container of it waits for, such as ` (ImagePullBackOff)`: what a person would look up next."""
    status = pod.get("status", {})
    for one in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        reason = (one.get("state", {}).get("waiting") or {}).get("reason")
        if reason and reason != "PodInitializing":
            return f" ({reason})"
    return ""


async def _log_canary(scene: Scene) -> expectations.Seen:
    order_id = scene.canary_ids[-1]
    missing = []
    for service, text in (
        ("sock-shop-orders", "shipped successfully"),
        ("sock-shop-shipping", "Published"),
        ("sock-shop-queue-master", "Message processed successfully"),
    ):
        query = f'kube_namespace:{SHOP_NAMESPACE} service:{service} "{order_id}" "{text}"'
        kept, _ = await _found(scene, query)
        if not kept:
            missing.append(service)
    return not missing, f"not yet found: {', '.join(missing)}" if missing else f"all three name order {order_id}"
