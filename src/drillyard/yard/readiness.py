"""
Waits until every pod of the yard is Ready, saying how far it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from drillyard.base.errors import DrillyardError
from drillyard.cluster.client import Api, Object
from drillyard.yard.lifecycle import UpOptions

SHOP_PODS = 14
_OTHERS = {"bank": 1, "datadog": 1}


async def wait_until_ready(api: Api, options: UpOptions, say: Callable[[str], None], limit_s: float) -> None:
    """Raises DrillyardError with the pods that are not Ready in time, and why."""
    wanted = {"sock-shop": SHOP_PODS - len(options.elsewhere), **_OTHERS}
    pods: dict[str, Object] = {}
    said = 0
    try:
        async with asyncio.timeout(limit_s):
            async for event in api.watch("pods"):
                pod = event.object
                if event.type == "DELETED":
                    pods.pop(pod["metadata"]["uid"], None)
                else:
                    pods[pod["metadata"]["uid"]] = pod
                ready = {space: _ready_in(space, pods.values()) for space in wanted}
                if ready["sock-shop"] != said:
                    said = ready["sock-shop"]
                    say(f"{said} of {wanted['sock-shop']} pods of the shop are Ready")
                if all(ready[space] >= count for space, count in wanted.items()):
                    return
    except TimeoutError as late:
        waiting = ", ".join(
            f"{_space(pod)}/{pod['metadata']['name']} ({_why(pod)})" for pod in pods.values() if not is_ready(pod)
        )
        raise DrillyardError(
            f"Not every pod was Ready within {limit_s:.0f} s: {waiting or 'some were never created'}."
        ) from late


def is_ready(pod: Object) -> bool:
    """True when the pod's Ready condition is."""
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _ready_in(space: str, pods: Iterable[Object]) -> int:
    return sum(_space(pod) == space and is_ready(pod) for pod in pods)


def _space(pod: Object) -> str:
    return str(pod["metadata"]["namespace"])


def _why(pod: Object) -> str:
    for status in pod.get("status", {}).get("containerStatuses") or ():
        for state in ("waiting", "terminated"):
            if found := status.get("state", {}).get(state):
                return str(found.get("message") or found.get("reason") or state)
    return str(pod.get("status", {}).get("phase", "Pending"))
