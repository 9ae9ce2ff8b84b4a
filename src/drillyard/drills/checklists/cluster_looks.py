"""
Looks at the cluster: pods, deployments, the page.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from drillyard.base.errors import DrillyardError
from drillyard.drills.checklists.entry import Seen, Sight
from drillyard.yard.yard import SHOP_NAMESPACE

Look = Callable[[Sight], Awaitable[Seen]]
PODS = 14
_STATUS_SCRIPT = "/js/order-status.js"


async def every_pod_is_ready(sight: Sight) -> Seen:
    """The shop's deployments, all of their pods and at least 14: a drill's own helpers do not count."""
    pods = await _pods(sight)
    waiting = [pod["metadata"]["name"] for pod in pods if not _is_ready(pod)]
    seen = f"{len(pods) - len(waiting)} of {max(len(pods), PODS)} Ready"
    return len(pods) >= PODS and not waiting, seen + (f"; not: {', '.join(waiting)}" if waiting else "")


def is_scaled_to(deployment: str, replicas: int) -> Look:
    """As many replicas wanted, as many pods ready, and none besides."""

    async def look(sight: Sight) -> Seen:
        found = await sight.yard.api.get("deployments", SHOP_NAMESPACE, deployment)
        pods = [pod for pod in await _pods(sight) if pod["metadata"]["labels"].get("name") == deployment]
        ready = sum(_is_ready(pod) for pod in pods)
        wanted = found["spec"].get("replicas", 1)
        states = sorted({reason for pod in pods for reason in _waiting(pod)})
        seen = f"{wanted} wanted, {ready} of {len(pods)} pod(s) ready" + (f": {', '.join(states)}" if states else "")
        return wanted == replicas and ready == len(pods) == replicas, seen

    return look


async def the_page_opens(sight: Sight) -> Seen:
    try:
        answer = await sight.yard.look("front-end", "/")
    except DrillyardError as silent:
        return False, silent.message
    return answer.status == 200, f"{sight.yard.url('front-end')} answered {answer.status} in {answer.took_s:.2f} s"


async def payment_says_that_it_is_well(sight: Sight) -> Seen:
    try:
        answer = await sight.yard.look("payment", "/health")
    except DrillyardError as silent:
        return False, silent.message
    return answer.status == 200 and '"status":"OK"' in answer.text, f"{answer.status} {answer.text.strip()[:100]}"


async def the_pages_show_the_stored_status(sight: Sight) -> Seen:
    """Pages from before orders had a status say Shipped whatever is stored; no refresh of a browser helps."""
    answer = await sight.yard.look("front-end", _STATUS_SCRIPT)
    if answer.status != 200:
        return None, f"{_STATUS_SCRIPT} was answered {answer.status}"
    knows = "PAYMENT_FAILED" in answer.text
    return knows, f"the page's script {'knows' if knows else 'does not know'} a failed payment"


async def _pods(sight: Sight) -> list[dict[str, Any]]:
    pods = (await sight.yard.api.list("pods", SHOP_NAMESPACE, labels="name")).items
    return [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _waiting(pod: dict[str, Any]) -> list[str]:
    states = (one.get("state") or {} for one in pod.get("status", {}).get("containerStatuses") or ())
    return [state["waiting"].get("reason", "Waiting") for state in states if "waiting" in state]
