"""
What a way of limiting containers must offer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from drillyard.cluster.client import Object
from drillyard.cluster.quantity import parse_quantity


class Confinement(Protocol):
    """The limits of one run of one container. `folders` are cgroups that the process enters at its start."""

    @property
    def folders(self) -> Sequence[str]: ...

    def started(self, pid: int) -> None:
        """The process runs."""

    def settled(self) -> None:
        """The container is ready for the first time (or has had its time): from now on its CPU limit holds."""

    def frozen(self, on: bool) -> None:
        """Somebody has stopped the container's processes (or lets them go on): no limit may let them go on."""

    def out_of_memory(self) -> bool:
        """True when something in the container was killed for its memory."""

    async def release(self) -> None:
        """The process has ended. Harmless twice."""


class Limits(Protocol):
    """Makes confinements. `name` says which way is in force: `cgroup v2`, `cgroup v1` or `sampler`."""

    @property
    def name(self) -> str: ...

    def confine(self, pod_uid: str, container: Object) -> Confinement:
        """For one more run of the container. Never raises: a limit that cannot be set is logged."""

    async def close(self) -> None:
        """Ends and removes everything. Harmless twice."""


def limit_of(container: Object, name: str) -> float | None:
    """The container's limit of `cpu` (cores) or `memory` (bytes); None when it has none."""
    amount = ((container.get("resources") or {}).get("limits") or {}).get(name)
    if amount is None:
        return None
    value = float(parse_quantity(amount))
    return value if value > 0 else None
