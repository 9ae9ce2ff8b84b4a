"""
tar as containers have it: an absolute path lies below the container's folder, and members are named as in a cluster.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from drillyard.yard.container_tools import tar

REAL = shutil.which("tar")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A container's folder with a mount, which is a link, and a file in its /tmp."""
    if REAL is None:
        pytest.skip("no tar here")
    folder = tmp_path / "rootfs"
    for name in ("bin", "tmp"):
        (folder / name).mkdir(parents=True)
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume" / "key").write_text("from the volume")
    (folder / "mnt").symlink_to(tmp_path / "volume")
    (folder / "tmp" / "a").write_text("from /tmp")
    (folder / "bin" / "tar").write_text(tar.script(REAL))
    (folder / "bin" / "tar").chmod(0o755)
    return folder


def run(root: Path, *arguments: str, given: bytes = b"") -> bytes:
    done = subprocess.run(
        [str(root / "bin" / "tar"), *arguments], input=given, capture_output=True, cwd=root, check=True, timeout=20
    )
    return done.stdout


def names(archive: bytes) -> list[str]:
    assert REAL is not None
    listed = subprocess.run([REAL, "tf", "-"], input=archive, capture_output=True, check=True, timeout=20)
    return sorted(name.replace("/./", "/").rstrip("/") for name in listed.stdout.decode().splitlines())


@pytest.mark.parametrize(
    ("asked", "members"),
    [
        ("/tmp/a", ["tmp/a"]),
        ("tmp/a", ["tmp/a"]),
        ("/mnt", ["mnt", "mnt/key"]),
        ("/mnt/key", ["mnt/key"]),
        ("ROOT/mnt/key", ["mnt/key"]),
    ],
)
def test_members_are_named_as_in_a_cluster(root: Path, asked: str, members: list[str]) -> None:
    assert names(run(root, "cf", "-", asked.replace("ROOT", str(root)))) == members


@pytest.mark.parametrize("option", [("-C", "/mnt"), ("-C/mnt",), ("--directory=/mnt",)])
def test_what_is_unpacked_stays_below_the_containers_folder(root: Path, option: tuple[str, ...]) -> None:
    """`kubectl cp FILE POD:/mnt` runs `tar -xmf - -C /mnt`."""
    run(root, "-xmf", "-", *option, given=run(root, "cf", "-", "-C", "/tmp", "a"))
    assert (root / "mnt" / "a").read_text() == "from /tmp"
