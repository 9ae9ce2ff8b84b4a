"""
The Node object: what this machine offers, that it is ready, and that it is still there.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import shutil
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import psutil

from drillyard.base.clock import Clock
from drillyard.cluster.client import Api, ApiError, Object
from drillyard.cluster.kubelet.images import ImageCatalogue, parse_reference
from drillyard.cluster.kubelet.settings import NodeSettings
from drillyard.cluster.timestamps import micro_time_of, time_of

_log = logging.getLogger(__name__)
_LEASE_NAMESPACE = "kube-node-lease"
_LEASE_S = 40
_RETRY_S = 1.0
KUBELET_VERSION = "v1.36.2"

_HEALTHY = {
    "MemoryPressure": ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
}

# Who holds the limits of containers: a condition of our own, for what a real node always has.
_LIMITS = {
    "cgroup v2": ("True", "CgroupV2", "the kernel holds memory and CPU limits (cgroup v2)"),
    "cgroup v1": ("True", "CgroupV1", "the kernel holds memory and CPU limits (cgroup v1)"),
    "sampler": (
        "False",
        "NoCgroups",
        "no cgroup can be written here: memory is looked at five times a second and a container over its limit is "
        "killed; a CPU limit is held by stopping and resuming processes, in bursts",
    ),
}


def capacity(settings: NodeSettings) -> dict[str, str]:
    """The machine's own figures: cores, memory, disk; and how many pods."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    return {
        "cpu": str(os.cpu_count() or 1),
        "memory": f"{psutil.virtual_memory().total // 1024}Ki",
        "ephemeral-storage": f"{shutil.disk_usage(settings.folder).total // 1024}Ki",
        "pods": str(settings.pods_max),
    }


class NodeRegistration:
    """Registers the node and renews its lease until cancelled. `limits` names the way of limiting in force."""

    def __init__(
        self, api: Api, settings: NodeSettings, images: ImageCatalogue, clock: Clock, limits: Callable[[], str]
    ) -> None:
        self._api, self._settings, self._images, self._clock, self._limits = api, settings, images, clock, limits
        self.capacity = capacity(settings)
        self._ready_since = time_of(clock.now())

    async def register(self) -> None:
        """Creates the Node or takes over its namesake. Raises ApiError."""
        try:
            await self._api.create("nodes", None, self._node())
        except ApiError as refused:
            if refused.reason != "AlreadyExists":
                raise
        await self._tell_status()
        await self._renew_lease()

    async def keep_alive(self) -> None:
        """A heartbeat now and then; an API server that is away is waited for."""
        while True:
            await self._clock.sleep(self._settings.heartbeat_s)
            try:
                await self._renew_lease()
                await self._tell_status()
            except ApiError as refused:
                if refused.status == 404:
                    await self._register_again()
                else:
                    _log.warning("node heartbeat refused: %s", refused.message)
            except (OSError, TimeoutError) as lost:
                _log.warning("node heartbeat lost: %s", lost)

    async def _register_again(self) -> None:
        try:
            await self.register()
        except (ApiError, OSError, TimeoutError) as failed:
            _log.warning("the node could not be registered again: %s", failed)

    async def _tell_status(self) -> None:
        await self._api.patch("nodes", None, self._settings.name, {"status": self._status()}, subresource="status")

    async def _renew_lease(self) -> None:
        moment = micro_time_of(self._clock.now())
        name = self._settings.name
        try:
            await self._api.patch("leases", _LEASE_NAMESPACE, name, {"spec": {"renewTime": moment}})
        except ApiError as refused:
            if refused.status != 404:
                raise
            spec = {"holderIdentity": name, "leaseDurationSeconds": _LEASE_S, "renewTime": moment}
            await self._api.create(
                "leases",
                _LEASE_NAMESPACE,
                {
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {"name": name, "namespace": _LEASE_NAMESPACE},
                    "spec": spec,
                },
            )

    def _node(self) -> Object:
        name = self._settings.name
        architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        system = platform.system().lower()
        labels = {
            "kubernetes.io/hostname": name,
            "kubernetes.io/os": system,
            "kubernetes.io/arch": architecture,
            # Deprecated since 1.14, still set by every kubelet, and asked for by Sock Shop's original manifests.
            "beta.kubernetes.io/os": system,
            "beta.kubernetes.io/arch": architecture,
            **{f"node-role.kubernetes.io/{role}": "" for role in self._settings.roles},
        }
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": labels},
            "spec": {"podCIDR": "10.244.0.0/24", "podCIDRs": ["10.244.0.0/24"]},
        }

    def _status(self) -> dict[str, Any]:
        now = time_of(self._clock.now())
        since = {"lastHeartbeatTime": now, "lastTransitionTime": self._ready_since}
        conditions = [
            {"type": type, "status": "False", "reason": reason, "message": message, **since}
            for type, (reason, message) in _HEALTHY.items()
        ]
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "message": "kubelet is posting ready status",
        }
        status, reason, message = _LIMITS[self._limits()]
        conditions.append({"type": "KernelLimits", "status": status, "reason": reason, "message": message, **since})
        system = platform.uname()
        architecture = {"x86_64": "amd64", "aarch64": "arm64"}.get(system.machine, system.machine)
        return {
            "addresses": [
                {"type": "InternalIP", "address": self._settings.address},
                {"type": "Hostname", "address": self._settings.name},
            ],
            "capacity": self.capacity,
            "allocatable": self.capacity,
            "conditions": [*conditions, {**ready, **since}],
            **(_own_api(self._settings.port) if self._settings.port else {}),
            "nodeInfo": {
                "architecture": architecture,
                "operatingSystem": system.system.lower(),
                "kernelVersion": system.release,
                "osImage": f"Drillyard on {system.system}",
                "kubeletVersion": KUBELET_VERSION,
                "kubeProxyVersion": "",
                "containerRuntimeVersion": f"drillyard://{version('drillyard')}",
                "machineID": "",
                "systemUUID": "",
                "bootID": "",
            },
            "images": [
                {"names": [parse_reference(name).canonical], "sizeBytes": 0} for name in self._images.names()[:50]
            ],
        }


def _own_api(port: int) -> Object:
    """Where logs and streams are had, and that WebSockets may come through (else they are turned into SPDY)."""
    return {
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        "declaredFeatures": ["ExtendWebSocketsToKubelet"],
    }


async def register_until_done(registration: NodeRegistration, clock: Clock, *, timeout_s: float) -> None:
    """Tries until the API server takes the node. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while True:
            try:
                await registration.register()
                return
            except (ApiError, OSError) as failed:
                _log.warning("the node is not registered yet: %s", failed)
            await clock.sleep(_RETRY_S)
