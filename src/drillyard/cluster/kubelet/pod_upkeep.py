"""
What goes on beside a running pod's containers: its ConfigMaps and Secrets stay current, and its deadline is kept.
"""

from __future__ import annotations

import logging

from drillyard.base.clock import Clock
from drillyard.cluster.client import ApiError, Object
from drillyard.cluster.kubelet.pod_context import PodContext
from drillyard.cluster.kubelet.volumes import MountError, Volumes

_log = logging.getLogger(__name__)
_REFRESH_S = 10.0  # A kubelet takes up to 90 s; nobody in an incident waits for that.
_CHANGING = ("configMap", "secret", "projected", "downwardAPI")


def has_changing_volumes(pod: Object) -> bool:
    """Whether the pod's own spec mounts what can change while it runs."""
    return any(kind in volume for volume in pod["spec"].get("volumes") or () for kind in _CHANGING)


async def keep_volumes_current(volumes: Volumes, context: PodContext) -> None:
    """Until cancelled. An object that is gone meanwhile leaves the files as they are, as in Kubernetes."""
    while True:
        await context.node.clock.sleep(_REFRESH_S)
        try:
            await volumes.set_up(context.facts)
        except (MountError, ApiError, OSError) as failed:
            _log.info("pod %s: %s", context.label, failed)


async def wait_for_deadline(pod: Object, ran_s: float, clock: Clock) -> str:
    """Waits for the pod's `activeDeadlineSeconds`, of which `ran_s` are over; returns what to say then."""
    await clock.sleep(max(0.0, float(pod["spec"]["activeDeadlineSeconds"]) - ran_s))
    return "Pod was active on the node longer than the specified deadline"
