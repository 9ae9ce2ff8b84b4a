"""
Limits of memory and CPU: by the kernel's cgroups where they can be written, else by looking often.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from drillyard.cluster.kubelet.limits.backend import Confinement, Limits
from drillyard.cluster.kubelet.limits.cgroup import CgroupLimits, empty, find_cgroup1, find_cgroup2
from drillyard.cluster.kubelet.limits.sampler import SamplerLimits

_NOTE = "cgroups"

__all__ = ["Confinement", "Limits", "choose", "remove_remains"]


def remove_remains(folder: Path) -> None:
    """Removes the cgroups of a node that was killed, by its folder. Whatever still runs in them is killed."""
    # They stand where that node found a place, which the caller, in a cgroup of its own, might not find again.
    try:
        places = (folder / _NOTE).read_text().splitlines()
    except OSError:
        return
    for place in map(Path, places):
        with contextlib.suppress(OSError):
            empty(place)
            place.rmdir()


def choose(folder: Path) -> Limits:
    """The strongest way that works here, for the node that owns the folder."""
    for find in (find_cgroup2, find_cgroup1):
        found = find(folder)
        if found is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _NOTE).write_text("\n".join(map(str, found.folders)))
            return CgroupLimits(found)
    return SamplerLimits()
