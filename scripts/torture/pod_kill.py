"""SIGKILL for the processes of one pod, and the wait until it is back."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import Any

import psutil

from drillyard.base.clock import SystemClock
from drillyard.yard.readiness import is_ready
from drillyard.yard.yard import SHOP_NAMESPACE, Yard

BACK_MAX_S = 30.0


async def pod_of(yard: Yard, name: str) -> dict[str, Any]:
    """The deployment's pod."""
    pods = (await yard.api.list("pods", SHOP_NAMESPACE, labels=f"name={name}")).items
    return next(pod for pod in pods if not pod["metadata"].get("deletionTimestamp"))


def kill_processes(pod: dict[str, Any]) -> int:
    """SIGKILL to the first process of each of its containers; how many there were."""
    title, uid = f"{SHOP_NAMESPACE}/{pod['metadata']['name']} ", pod["metadata"]["uid"]
    found = []
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            words = " ".join(process.info["cmdline"] or ())
            # Ours by their title, PostgreSQL by its data directory, Valkey (which rewrites its title) by where it runs.
            mine = words.startswith(title) or uid in words or uid in process.cwd()
            if mine and os.getsid(process.pid) == process.pid:
                found.append(process)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    return len(found)


async def wait_until_back(yard: Yard, name: str, before: dict[str, Any]) -> float:
    """
    Seconds until the pod is Ready with a higher restart count (or replaced); the limit when it does not come back.
    """
    clock = SystemClock()
    began = clock.monotonic_s()
    while clock.monotonic_s() - began < BACK_MAX_S:
        with contextlib.suppress(StopIteration):
            pod = await pod_of(yard, name)
            if is_ready(pod) and (
                pod["metadata"]["uid"] != before["metadata"]["uid"] or restarts(pod) > restarts(before)
            ):
                return clock.monotonic_s() - began
        await clock.sleep(0.05)
    return BACK_MAX_S


def restarts(pod: dict[str, Any]) -> int:
    return sum(one["restartCount"] for one in pod["status"].get("containerStatuses", ()))
