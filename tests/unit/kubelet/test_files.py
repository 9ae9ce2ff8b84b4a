from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from drillyard.cluster.kubelet.environment import PodFacts, Sources
from drillyard.cluster.kubelet.rootfs import Rootfs
from drillyard.cluster.kubelet.settings import NodeSettings
from drillyard.cluster.kubelet.volumes import ACCOUNT_FOLDER, MountError, Volumes, with_account_mount


class Maps:
    """An API with ConfigMaps that a test changes."""

    def __init__(self) -> None:
        self.data: dict[str, str] = {"a.txt": "one", "b.txt": "two"}

    async def get(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        return {"data": self.data}


def _facts(*volumes: dict[str, Any]) -> PodFacts:
    spec = {"volumes": list(volumes), "containers": [{"name": "main"}]}
    pod = {"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": spec}
    return PodFacts(pod, "10.244.0.2", "node-1", "10.244.0.1", {})


def _volumes(tmp_path: Path, maps: Maps | None = None) -> Volumes:
    settings = NodeSettings(folder=tmp_path / "node")
    settings.folder.mkdir()
    return Volumes(settings, tmp_path / "pod", Sources(maps or Maps(), "n"), None)  # type: ignore[arg-type]


async def test_a_config_map_becomes_files_and_follows_its_object(tmp_path: Path) -> None:
    maps = Maps()
    volumes, facts = _volumes(tmp_path, maps), _facts({"name": "v", "configMap": {"name": "conf"}})
    folder = (await volumes.set_up(facts))["v"]
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.txt": "one", "b.txt": "two"}
    maps.data = {"a.txt": "new"}
    await volumes.set_up(facts)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.txt": "new"}


@pytest.mark.parametrize("path", ["/../../etc", "/a/../../../etc", "/etc"])
async def test_a_host_path_stays_inside_the_node(tmp_path: Path, path: str) -> None:
    volumes = _volumes(tmp_path)
    found = await volumes.set_up(_facts({"name": "v", "hostPath": {"path": path}}))
    assert found["v"].resolve().is_relative_to((tmp_path / "node").resolve())


async def test_a_host_path_over_a_link_out_of_the_node_is_refused(tmp_path: Path) -> None:
    volumes = _volumes(tmp_path)
    (tmp_path / "node" / "out").symlink_to("/etc")
    with pytest.raises(MountError, match="leads out of the node"):
        await volumes.set_up(_facts({"name": "v", "hostPath": {"path": "/out"}}))


@pytest.mark.parametrize(
    ("volume", "told"),
    [
        ({"persistentVolumeClaim": {"claimName": "x"}}, "no volumes of type persistentVolumeClaim"),
        ({"hostPath": {"path": "/none", "type": "Directory"}}, "is not a directory"),
        ({"configMap": {"name": "c", "items": [{"key": "none", "path": "x"}]}}, "non-existent config key: none"),
        ({"configMap": {"name": "c", "items": [{"key": "a.txt", "path": "../x"}]}}, "leads out of its volume"),
    ],
)
async def test_a_volume_that_cannot_be_is_refused_in_one_sentence(
    tmp_path: Path, volume: dict[str, Any], told: str
) -> None:
    with pytest.raises(MountError, match=f'MountVolume.SetUp failed for volume "v" : .*{told}'):
        await _volumes(tmp_path).set_up(_facts({"name": "v", **volume}))


def test_the_account_is_mounted_unless_admission_did_it_or_the_pod_declines() -> None:
    pod = {"spec": {"containers": [{"name": "main"}]}}
    mounted = with_account_mount(pod, tokens=True)
    assert mounted["spec"]["containers"][0]["volumeMounts"][0]["mountPath"] == ACCOUNT_FOLDER
    assert with_account_mount(mounted, tokens=True) is mounted
    assert with_account_mount(pod, tokens=False) is pod
    declined = {"spec": {"automountServiceAccountToken": False, "containers": []}}
    assert with_account_mount(declined, tokens=True) is declined


@pytest.mark.parametrize(
    ("text", "rewritten"),
    [
        ("/data", "ROOT/data"),
        ("--dir=/data/x", "--dir=ROOT/data/x"),
        ("cat /data/a /data/b;", "cat ROOT/data/a ROOT/data/b;"),
        ("/database", "/database"),
        ("/srv/data", "/srv/data"),
        ("postgresql://db:5432/data", "postgresql://db:5432/data"),
        ("file:/data", "file:ROOT/data"),
        ("/data/deep", "ROOT/data/deep"),
        ("'/data'", "'ROOT/data'"),
        ("echo x > /tmp/healthy", "echo x > ROOT/tmp/healthy"),
        ("/var/tmp", "/var/tmp"),
    ],
)
def test_only_declared_mount_paths_are_rewritten(tmp_path: Path, text: str, rewritten: str) -> None:
    (tmp_path / "volume").mkdir()
    rootfs = Rootfs(tmp_path / "rootfs")
    mounts = [{"name": "v", "mountPath": "/data"}, {"name": "v", "mountPath": "/data2"}]
    rootfs.set_up([], mounts, {"v": tmp_path / "volume"})
    assert rootfs.rewrite(text) == rewritten.replace("ROOT", str(tmp_path / "rootfs"))


def test_a_mount_without_its_volume_and_one_over_the_root_are_refused(tmp_path: Path) -> None:
    rootfs = Rootfs(tmp_path / "rootfs")
    with pytest.raises(MountError, match="no such volume"):
        rootfs.set_up([], [{"name": "v", "mountPath": "/data"}], {})
    with pytest.raises(MountError, match="root folder"):
        rootfs.set_up([], [{"name": "v", "mountPath": "/"}], {"v": tmp_path})
    with pytest.raises(MountError, match="must not contain"):
        rootfs.set_up([], [{"name": "v", "mountPath": "/d", "subPath": "../x"}], {"v": tmp_path})


def test_a_container_finds_the_tools_of_its_image_and_no_others(tmp_path: Path) -> None:
    rootfs = Rootfs(tmp_path / "rootfs")
    rootfs.set_up(["sh"], [], {})
    rootfs.set_up(["sh"], [], {})
    path = str(rootfs.folder / "bin")
    assert rootfs.find_program("sh", path, rootfs.folder) == f"{path}/sh"
    assert rootfs.find_program("ls", path, rootfs.folder) is None
    assert rootfs.find_program("bin/sh", path, rootfs.folder) == f"{path}/sh"
