"""The files of cgroups, on a folder that stands in for the kernel's: which settings are written where, and what is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from drillyard.cluster.kubelet.limits import remove_remains
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


def test_a_user_has_his_cgroup_where_one_was_delegated_to_him(tmp_path: Path) -> None:
    root, own = tmp_path / "cgroup", tmp_path / "self"
    delegated = root / "user.slice" / "user@1000.service" / "app.slice"
    (delegated / "run-7.scope").mkdir(parents=True)
    (delegated / "cgroup.subtree_control").write_text("memory pids")
    own.write_text("12:misc:/\n0::/user.slice/user@1000.service/app.slice/run-7.scope\n")
    found = find_cgroup2(tmp_path / "node", root=root, own=own)
    assert found is not None and found.memory.parent == delegated
    assert (delegated / "cgroup.subtree_control").read_text() == "+cpu"  # Only what was missing.


@pytest.mark.parametrize("said", ["0::/", "0::/init.scope", "0::/../../outside/session.scope", "7:memory:/a/b", ""])
def test_a_process_below_nothing_of_its_own_has_none(tmp_path: Path, said: str) -> None:
    (tmp_path / "self").write_text(said)
    (tmp_path / "cgroup" / "a").mkdir(parents=True)
    assert find_cgroup2(tmp_path / "node", root=tmp_path / "cgroup", own=tmp_path / "self") is None


def test_remains_are_removed_where_the_killed_node_had_found_a_place(tmp_path: Path) -> None:
    places = [tmp_path / "gone", tmp_path / "memory" / "drillyard-1", tmp_path / "cpu" / "drillyard-1"]
    for place in places[1:]:
        place.mkdir(parents=True)
    (tmp_path / "cgroups").write_text("\n".join(map(str, places)))
    remove_remains(tmp_path)
    assert not any(place.exists() for place in places)
    remove_remains(tmp_path / "nowhere")


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
