from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from drillyard.drills import baseline


def _pod(name: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "status": status}


def _waits_for(reason: str) -> list[dict[str, Any]]:
    return [{"state": {"waiting": {"reason": reason}}}]


async def test_a_pod_that_is_not_ready_is_named_with_what_it_waits_for() -> None:
    pods = [
        _pod("user", conditions=[{"type": "Ready", "status": "True"}]),
        _pod(
            "carts",
            initContainerStatuses=_waits_for("ImagePullBackOff"),
            containerStatuses=_waits_for("PodInitializing"),
        ),
        _pod("orders", containerStatuses=_waits_for("CrashLoopBackOff")),
        _pod("payment"),
    ]

    async def listed(kind: str, namespace: str) -> Any:
        return SimpleNamespace(items=pods)

    scene: Any = SimpleNamespace(yard=SimpleNamespace(api=SimpleNamespace(list=listed)))
    seen = await baseline._pods(scene)
    assert seen == (False, "1 of 4 Ready; not: carts (ImagePullBackOff), orders (CrashLoopBackOff), payment")
