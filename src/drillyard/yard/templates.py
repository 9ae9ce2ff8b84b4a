"""
Ready-made PostgreSQL data directories, one per database of the shop: made once per version of PostgreSQL and of the
migrations.

Run as a process of its own (`python -m drillyard.yard.templates FOLDER`), because alembic and its imports have no
place in the control plane.

A copy is 1,300 small files, and four at once take seconds. So spare copies lie ready (`spare/`): a pod takes one by
renaming it, and they are made again, at low priority, once the yard is up (`… templates --refill FOLDER`).
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from drillyard.base.errors import DrillyardError
from drillyard.base.processes import die_with_parent
from drillyard.base.session import kill_session
from drillyard.yard.stores import foreign_user, postgres
from drillyard.yard.stores.foreign_user import ForeignUser

_REFILL_AFTER_S = 1.0
_MAKE_MAX_S = 120.0
_LOOK_S = 0.05
# Schema (as `drillyard.shop.migrate` names it) and the database that it lives in.
DATABASES = {"catalogue": "socksdb", "user": "users", "carts": "data", "orders": "data"}


def version() -> str:
    """
    What the templates depend on, as a short hash:

    PostgreSQL's build, its settings, the migrations' and our own text.
    """
    import drillyard.shop  # Only to find its files; the services themselves are not imported.

    digest = hashlib.sha256()
    server = postgres.binaries() / "postgres"
    digest.update(f"{server.stat().st_size}".encode())
    shop = Path(next(iter(drillyard.shop.__path__)))
    sources = [
        *sorted(shop.glob("migrat*/**/*.py")),
        *sorted(shop.glob("migrat*.py")),
        Path(__file__),
        Path(postgres.__file__),
    ]
    for source in sources:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


async def ensure(cache: Path, *, progress: Callable[[str], None] = lambda _: None) -> Path:
    """
    The folder of the templates, made now if it is not there; two callers at once make it once.

    Cancelled, it ends what it began at once. Raises DrillyardError when PostgreSQL is missing, does not run here, or
    the disk is full.
    """
    folder = cache / f"postgres-{version()}"
    if (folder / "complete").exists():
        return folder
    progress("preparing the databases (once)")
    try:
        async with asyncio.timeout(_MAKE_MAX_S):
            await _make_once(cache, folder)
    except TimeoutError as late:
        raise DrillyardError(f"The databases could not be prepared within {_MAKE_MAX_S:.0f} s.") from late
    return folder


async def _make_once(cache: Path, folder: Path) -> None:
    with (cache / "postgres.lock").open("w") as lock:
        while not _taken(lock):  # noqa: ASYNC110 -- Another process has it, and tells nobody when it is done.
            await asyncio.sleep(_LOOK_S)
        if not (folder / "complete").exists():
            await _make(folder)
            _forget_old(cache, keep=folder)


def _taken(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _make(folder: Path) -> None:
    """Builds them in a process of its own, in a session of its own, of which nothing is left when this is cancelled."""
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            __name__,
            str(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    )
    try:
        maker = await asyncio.shield(starting)  # asyncio itself would end the process alone, not what it started.
        _, said = await maker.communicate()
    except BaseException:
        maker = await starting
        kill_session(maker.pid)
        await maker.wait()
        raise
    if maker.returncode != 0:
        shutil.rmtree(folder, ignore_errors=True)
        last = (said.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
        raise DrillyardError("The databases could not be prepared.", hint=last)


def _forget_old(cache: Path, *, keep: Path) -> None:
    """
    Removes templates of other versions that are a day old:

    a younger one may be being copied by another yard's pods.
    """
    for old in cache.glob("postgres-*"):
        if old != keep and time.time() - old.stat().st_mtime > 86_400:
            shutil.rmtree(old, ignore_errors=True)


def build(folder: Path) -> None:
    """Makes the templates in an empty folder: initdb once, then each database side by side."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.chmod(0o711)  # Whatever the umask: PostgreSQL may run as another user.
    user = foreign_user.choose([postgres.binaries(), folder])
    base = folder / "base"
    postgres.initialise(base, user)
    with ThreadPoolExecutor(len(DATABASES)) as pool:
        list(pool.map(lambda schema: _build_one(folder, schema, user), DATABASES))
    shutil.rmtree(base)
    (folder / "complete").touch()


def _build_one(folder: Path, schema: str, user: ForeignUser) -> None:
    data = folder / schema
    shutil.copytree(folder / "base", data)
    os.chmod(data, 0o700)
    user.own(data)
    database, role, secret = DATABASES[schema], postgres.ROLE, postgres.ROLE_PASSWORD
    with postgres.running(data, user) as port:
        admin = f"postgresql://{postgres.SUPERUSER}:{postgres.SUPERUSER_PASSWORD}@127.0.0.1:{port}"
        _execute(
            f"{admin}/postgres",
            f"CREATE ROLE {role} LOGIN PASSWORD '{secret}'",
            f"CREATE DATABASE {database} OWNER {role}",
        )
        migrated = subprocess.run(
            [
                sys.executable,
                "-m",
                "drillyard.shop.migrate",
                schema,
                f"postgresql+asyncpg://{role}:{secret}@127.0.0.1:{port}/{database}",
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if migrated.returncode != 0:
            raise DrillyardError(
                f"The migrations of {schema} failed: {(migrated.stderr.strip().splitlines() or ['?'])[-1]}"
            )
    (data / "postmaster.opts").unlink(missing_ok=True)


def _execute(url: str, *statements: str) -> None:
    import asyncio

    import asyncpg

    async def run() -> None:
        connection = await asyncpg.connect(url, timeout=10)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def refill(folder: Path) -> None:
    """Makes a spare copy of each template that has none. One process at a time; others find it done, or leave it."""
    spares = folder / "spare"
    spares.mkdir(mode=0o711, exist_ok=True)
    with (folder / "spare.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        user = foreign_user.choose([postgres.binaries(), folder])
        for left in spares.glob(".*"):
            shutil.rmtree(left, ignore_errors=True)
        for schema in DATABASES:
            if not any(spares.glob(f"{schema}-*")):
                making = spares / f".{schema}-{os.getpid()}"
                postgres.copy(folder / schema, making, user)
                making.rename(spares / f"{schema}-{os.getpid()}")


async def refill_later(folder: Path) -> None:
    """Has the spares made again by a process of its own, once the yard has had a moment to settle."""
    await asyncio.sleep(_REFILL_AFTER_S)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, "--refill", str(folder), stdin=subprocess.DEVNULL
    )
    try:
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def main() -> int:
    try:
        die_with_parent()
        if sys.argv[1] == "--refill":
            os.nice(19)
            refill(Path(sys.argv[2]))
        else:
            build(Path(sys.argv[1]))
    except (DrillyardError, OSError) as problem:
        # A copy that fails names every file; the first says enough.
        sys.stderr.write(f"{' '.join(str(problem).split())[:300]}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
