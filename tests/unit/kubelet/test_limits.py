"""The files of cgroups, on a folder that stands in for the kernel's: which settings are written where, and what is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillyard.cluster.kubelet.limits.backend import limit_of
from drillyard.cluster.kubelet.limits.cgroup import CgroupLimits, find_cgroup1, find_cgroup2

CONTAINER = {"name": "main", "resources": {"limits": {"memory": "64Mi", "cpu": "250m"}}}


def test_version_2_gets_memory_at_once_and_cpu_when_the_container_has_come_up(tmp_path: Path) -> None:
    (tmp_path / "cgroup.subtree_control").touch()
    found = find_cgroup2(tmp_path / "node", root=tmp_path)
    assert found is not None
    assert (found.memory / "cgroup.subtree_control").read_text() == "+memory +cpu"
    confinement = CgroupLimits(found).confine("uid", CONTAINER)
    [folder] = map(Path, confinement.folders)
    settings = {name: (folder / name).read_text() for name in ("memory.max", "memory.oom.group", "memory.swap.max")}
    assert settings == {"memory.max": "67108864", "memory.oom.group": "1", "memory.swap.max": "0"}
    assert not (folder / "cpu.max").exists()
    confinement.settled()
    assert (folder / "cpu.max").read_text() == "25000 100000"
    assert not confinement.out_of_memory()
    (folder / "memory.events").write_text("low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\n")
    assert confinement.out_of_memory()


def test_version_1_has_a_folder_for_each_controller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: True)
    for kind in ("memory", "cpu"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "cgroup.procs").touch()
    found = find_cgroup1(tmp_path / "node", root=tmp_path)
    assert found is not None
    confinement = CgroupLimits(found).confine("uid", CONTAINER)
    memory, cpu = map(Path, confinement.folders)
    confinement.settled()
    assert (memory / "memory.limit_in_bytes").read_text() == "67108864"
    assert (cpu / "cpu.cfs_quota_us").read_text() == "25000"
    (memory / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
    assert not confinement.out_of_memory()


@pytest.mark.parametrize("find", [find_cgroup1, find_cgroup2])
def test_a_machine_without_cgroups_has_none(tmp_path: Path, find: object) -> None:
    assert find(tmp_path / "node", root=tmp_path) is None  # type: ignore[operator]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("limits", "value"), [({"cpu": "500m"}, 0.5), ({"cpu": "2"}, 2.0), ({"memory": "1Gi"}, None), ({"cpu": "0"}, None)]
)
def test_a_limit_is_read_in_its_base_unit(limits: dict[str, str], value: float | None) -> None:
    assert limit_of({"resources": {"limits": limits}}, "cpu") == value
