"""
What the containers of one pod share: the pod, its address and volumes, and the node's services to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from drillyard.base.clock import Clock
from drillyard.cluster.client import Object
from drillyard.cluster.kubelet.environment import PodFacts, Sources
from drillyard.cluster.kubelet.images import ImageCatalogue
from drillyard.cluster.kubelet.limits.backend import Limits
from drillyard.cluster.kubelet.probes import Target
from drillyard.cluster.kubelet.runtime import Runtime
from drillyard.cluster.kubelet.settings import NodeSettings
from drillyard.cluster.recorder import EventRecorder

EventKind = Literal["Normal", "Warning"]


@dataclass
class NodeServices:
    """What a node gives every pod. `services` lists the cluster's Services as they are now."""

    settings: NodeSettings
    runtime: Runtime
    limits: Limits
    images: ImageCatalogue
    clock: Clock
    recorder: EventRecorder
    services: Callable[[], list[Object]]


@dataclass
class PodContext:
    """
    One pod on this node.

    `listen` maps container ports to loopback ports; `publish` says that some container's record changed.
    """

    node: NodeServices
    facts: PodFacts
    sources: Sources
    folder: Path
    log_folder: Path
    publish: Callable[[], None]
    table: str = ""
    listen: Mapping[int, int] = field(default_factory=dict)
    volumes: Mapping[str, Path] = field(default_factory=dict)

    @property
    def pod(self) -> Object:
        return self.facts.pod

    @property
    def label(self) -> str:
        """As the kubelet names a pod in texts: `name_namespace(uid)`."""
        metadata = self.pod["metadata"]
        return f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"

    async def event(self, type: EventKind, reason: str, message: str, field_path: str = "") -> None:
        await self.node.recorder.record(self.pod, type, reason, message, field_path=field_path or None)

    def target(self, container: Object, port: int | str) -> Target:
        """Where a container's port, by number or name, is on this machine. Raises LookupError for an unknown name."""
        number = port_number(container, port)
        return Target(self.facts.ip, number, self.listen.get(number))


def port_number(container: Object, port: int | str) -> int:
    """Raises LookupError for a name that the container does not declare."""
    if isinstance(port, int) or str(port).isdigit():
        return int(port)
    for declared in container.get("ports") or ():
        if declared.get("name") == port:
            return int(declared["containerPort"])
    raise LookupError(f"couldn't find port: {port!r} in container {container['name']}")
