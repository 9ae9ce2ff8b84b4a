"""
Limits by the kernel: cgroup v2 where memory and cpu are delegated to us, else the memory and cpu hierarchies of v1.

The process enters its cgroup before it allocates anything; what it shares with the zygote stays charged to the zygote,
so a container seems some 20 MB lighter than alone (Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from drillyard.cluster.client import Object
from drillyard.cluster.kubelet.limits.backend import Confinement, limit_of

_log = logging.getLogger(__name__)
_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_CONTROLLERS = ("memory", "cpu")
_PERIOD_US = 100_000
_QUOTA_MIN_US = 1_000
_REMOVE_TRIES, _REMOVE_PAUSE_S = 50, 0.02


@dataclass(frozen=True)
class Hierarchies:
    """Our own folders. In v2 both are the same."""

    version: int
    memory: Path
    cpu: Path

    @property
    def folders(self) -> list[Path]:
        return [self.memory] if self.memory == self.cpu else [self.memory, self.cpu]


def _own_name(folder: Path) -> str:
    """One per node, so that two yards do not meet, and a killed one's remains are found by its successor."""
    return f"drillyard-{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]}"


def find_cgroup2(folder: Path, root: Path = _ROOT, own: Path = _OWN) -> Hierarchies | None:
    """
    Our cgroup in the first place of v2 that lets us have one, or None.

    Root has the root of the hierarchy. An ordinary user has what was delegated to him: below his `user@.service` that
    is whatever lies above a program that systemd started for him there (`systemd-run --user --scope`), but not above a
    login's session. Controllers that such a place does not hand on yet are switched on in it, and stay on.
    """
    for parent in (root, *_above(root, own)):
        place = parent / _own_name(folder)
        try:
            if not (parent / "cgroup.subtree_control").exists():
                continue
            empty(place)
            place.mkdir(exist_ok=True)
            _hand_on(parent)
            _try_entering(place)
            (place / "cgroup.subtree_control").write_text(_switched_on(_CONTROLLERS))
        except (OSError, subprocess.SubprocessError):
            with contextlib.suppress(OSError):
                place.rmdir()
            continue
        return Hierarchies(2, place, place)
    return None


def _above(root: Path, own: Path) -> Iterator[Path]:
    """The cgroups above this process's own, nearest first. (In its own it cannot: members and children exclude.)"""
    with contextlib.suppress(OSError):
        for line in own.read_text().splitlines():
            if line.startswith("0::/"):
                for path in Path(line.removeprefix("0::/")).parents:
                    if path.name and ".." not in path.parts:
                        yield root / path


def _switched_on(controllers: Sequence[str]) -> str:
    return " ".join(f"+{name}" for name in controllers)


def _hand_on(parent: Path) -> None:
    """Lets the children of a cgroup have controllers. Raises OSError where it has none, or members of its own."""
    control = parent / "cgroup.subtree_control"
    missing = [name for name in _CONTROLLERS if name not in control.read_text().split()]
    if missing:
        control.write_text(_switched_on(missing))


def _try_entering(place: Path) -> None:
    """
    Raises SubprocessError where a process of ours may not go: that takes rights in what is above both places, too
    (cgroup-v2.rst, "Delegation containment"), and every container would fail there.
    """
    subprocess.run(
        ["sh", "-c", 'echo 0 > "$0"', str(place / "cgroup.procs")], check=True, stderr=subprocess.DEVNULL, timeout=5
    )


def find_cgroup1(folder: Path, root: Path = _ROOT) -> Hierarchies | None:
    """The same below `memory` and `cpu` of v1."""
    own = [root / kind / _own_name(folder) for kind in ("memory", "cpu")]
    try:
        for place, setting in zip(own, ("memory.limit_in_bytes", "cpu.cfs_quota_us"), strict=True):
            if not (place.parent / "cgroup.procs").exists():
                return None
            empty(place)
            place.mkdir(exist_ok=True)
            if not os.access(place / setting, os.W_OK):
                raise PermissionError(place)
    except OSError:
        for place in own:
            with contextlib.suppress(OSError):
                place.rmdir()
        return None
    return Hierarchies(1, *own)


class CgroupLimits:
    """Implements `Limits`."""

    def __init__(self, hierarchies: Hierarchies) -> None:
        self._hierarchies = hierarchies
        self._count = 0

    @property
    def name(self) -> str:
        return f"cgroup v{self._hierarchies.version}"

    def confine(self, pod_uid: str, container: Object) -> Confinement:
        """See `Limits.confine`."""
        self._count += 1
        name = f"{pod_uid}-{container['name']}-{self._count}"
        confinement = CgroupConfinement(
            self._hierarchies, name, limit_of(container, "memory"), limit_of(container, "cpu")
        )
        confinement.make()
        return confinement

    async def close(self) -> None:
        """See `Limits.close`."""
        for place in self._hierarchies.folders:
            for _ in range(_REMOVE_TRIES):
                empty(place)
                with contextlib.suppress(OSError):
                    place.rmdir()
                if not place.exists():
                    break
                await asyncio.sleep(_REMOVE_PAUSE_S)


class CgroupConfinement:
    """Implements `Confinement`. A limit that the kernel does not take is logged; the container runs without it."""

    def __init__(self, where: Hierarchies, name: str, memory_bytes: float | None, cpu_cores: float | None) -> None:
        self._version = where.version
        self._memory, self._cpu = where.memory / name, where.cpu / name
        self._memory_bytes, self._cpu_cores = memory_bytes, cpu_cores
        self._made: list[Path] = []

    @property
    def folders(self) -> Sequence[str]:
        return [str(place) for place in self._made]

    def make(self) -> None:
        """Creates the cgroups and sets the memory limit."""
        try:
            for place in dict.fromkeys((self._memory, self._cpu)):
                place.mkdir()
                self._made.append(place)
            if self._memory_bytes is not None:
                setting = "memory.max" if self._version == 2 else "memory.limit_in_bytes"
                (self._memory / setting).write_text(str(int(self._memory_bytes)))
                if self._version == 2:  # The container dies as a whole, as in Kubernetes.
                    (self._memory / "memory.oom.group").write_text("1")
                self._forbid_swap()
        except OSError as refused:
            _log.warning("no limits for %s: %s", self._memory.name, refused)

    def _forbid_swap(self) -> None:
        """Otherwise a container over its limit grows slow instead of being killed; not every kernel counts swap."""
        with contextlib.suppress(OSError):
            if self._version == 2:
                (self._memory / "memory.swap.max").write_text("0")
            else:
                (self._memory / "memory.memsw.limit_in_bytes").write_text(str(int(self._memory_bytes or 0)))

    def started(self, pid: int) -> None:
        """Nothing to do: the kernel watches."""

    def settled(self) -> None:
        """See `Confinement.settled`."""
        if self._cpu_cores is None or self._cpu not in self._made:
            return
        quota_us = max(_QUOTA_MIN_US, round(self._cpu_cores * _PERIOD_US))
        try:
            if self._version == 2:
                (self._cpu / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")
            else:
                (self._cpu / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
                (self._cpu / "cpu.cfs_quota_us").write_text(str(quota_us))
        except OSError as refused:
            _log.warning("no CPU limit for %s: %s", self._cpu.name, refused)

    def frozen(self, on: bool) -> None:
        """Bandwidth control stops and resumes nobody by signals."""

    def out_of_memory(self) -> bool:
        """The kernel's own count of kills."""
        setting = "memory.events" if self._version == 2 else "memory.oom_control"
        try:
            lines = (self._memory / setting).read_text().splitlines()
        except OSError:
            return False
        return any(line.split()[0] == "oom_kill" and int(line.split()[1]) > 0 for line in lines)

    async def release(self) -> None:
        """See `Confinement.release`. What is left in the cgroup (a daemon with its own session) is killed."""
        for _ in range(_REMOVE_TRIES):
            self._made = [place for place in self._made if not _removed(place)]
            if not self._made:
                return
            await asyncio.sleep(_REMOVE_PAUSE_S)
        _log.warning("cgroup %s could not be removed", self._made[0])


def _removed(place: Path) -> bool:
    try:
        for pid in (place / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        place.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def empty(place: Path) -> None:
    """Ends and removes what an earlier node with this folder left."""
    if place.is_dir():
        for child in place.iterdir():
            if child.is_dir():
                _removed(child)
