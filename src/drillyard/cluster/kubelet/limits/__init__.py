"""
Limits of memory and CPU: by the kernel's cgroups where they can be written, else by looking often.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from drillyard.cluster.kubelet.limits.backend import Confinement, Limits
from drillyard.cluster.kubelet.limits.cgroup import CgroupLimits, find_cgroup1, find_cgroup2
from drillyard.cluster.kubelet.limits.sampler import SamplerLimits

__all__ = ["Confinement", "Limits", "choose", "remove_remains"]


def remove_remains(folder: Path) -> None:
    """Removes the cgroups of a node that was killed, by its folder. Whatever still runs in them is killed."""
    for find in (find_cgroup2, find_cgroup1):
        found = find(folder)  # Finding empties it, as a new node would.
        for place in found.folders if found is not None else ():
            with contextlib.suppress(OSError):
                place.rmdir()


def choose(folder: Path) -> Limits:
    """The strongest way that works here, for the node that owns the folder."""
    for find in (find_cgroup2, find_cgroup1):
        found = find(folder)
        if found is not None:
            return CgroupLimits(found)
    return SamplerLimits()
