"""
PostgreSQL's launcher as root, as an ordinary user, and as a uid that no passwd entry names: initdb, start, a query, stop.

PostgreSQL refuses the first and initdb the last; each must find its way without an account being made or a permission
being changed. Needs root, to become the others.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import drillyard

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user"),
]

NAMELESS = 54321
SCRIPT = """
import asyncio, sys
from pathlib import Path
import asyncpg
from drillyard.yard.stores import foreign_user, postgres

async def ask(port):
    connection = await asyncpg.connect(
        host="127.0.0.1", port=port, user="postgres", password=postgres.SUPERUSER_PASSWORD, database="postgres"
    )
    try:
        return await connection.fetchval("SELECT 6 * 7")
    finally:
        await connection.close()

data = Path(sys.argv[1]) / "data"
user = foreign_user.choose([postgres.binaries(), data.parent])
postgres.initialise(data, user)
with postgres.running(data, user) as port:
    print(asyncio.run(ask(port)), "namespace" if user.prefix else user.uid)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that anybody can be given, not below a home that only its owner enters."""
    made = Path(tempfile.mkdtemp(prefix="drillyard-users-"))
    made.chmod(0o711)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def launched(folder: Path, uid: int, python: str, *, owner: int | None = None) -> str:
    """What the launcher said as that uid, in a closed home of its own or of the owner: the answer, and the way taken."""
    home = folder / f"home-{uid}-{owner}"
    home.mkdir(mode=0o711 if owner is None else 0o700)
    os.chown(home, *[uid if owner is None else owner] * 2)
    done = _run(uid, python, SCRIPT, str(home), HOME=str(home))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _run(uid: int, python: str, script: str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    packages = os.pathsep.join([sysconfig.get_path("platlib"), str(Path(drillyard.__file__).parents[1])])
    return subprocess.run(
        [python, "-c", script, *arguments],
        user=uid,
        group=uid,
        extra_groups=[],
        cwd="/",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1", **env},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def python() -> str:
    """A Python that others than root may run; the tests' own may lie below a home that only its owner enters."""
    for candidate in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        with contextlib.suppress(OSError):
            if _run(NAMELESS, candidate, "import drillyard, asyncpg").returncode == 0:
                return candidate
    pytest.skip("no Python here can be run by others than root")


def test_root_becomes_nobody_or_seems_to_be(folder: Path) -> None:
    assert launched(folder, 0, sys.executable) in ("42 65534", "42 namespace")


def test_root_becomes_the_owner_of_a_home_that_nobody_may_enter(folder: Path) -> None:
    """Else root would need a user namespace there, which some systems forbid."""
    way = launched(folder, 0, sys.executable).split()[1]
    owner = pwd.getpwnam("daemon").pw_uid
    assert launched(folder, 0, sys.executable, owner=owner) == f"42 {owner if way == '65534' else way}"


def test_an_ordinary_user_runs_it_as_itself(folder: Path, python: str) -> None:
    assert launched(folder, pwd.getpwnam("nobody").pw_uid, python) == "42 None"


def test_a_uid_without_a_name_runs_it_in_a_namespace(folder: Path, python: str) -> None:
    with pytest.raises(KeyError):
        pwd.getpwuid(NAMELESS)
    assert launched(folder, NAMELESS, python) == "42 namespace"
