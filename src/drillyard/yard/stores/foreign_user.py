"""
PostgreSQL refuses to run as root, and initdb refuses a user without a name. This finds a way that changes nothing on
the machine.

In this order (each tried; figures in the references):
1. an ordinary user with a name: run as it is;
2. root: become in the child whoever can enter every folder on the way, `nobody` or else the owner of a closed one;
3. a user namespace in which we appear as `nobody`, but keep the rights to our own files (util-linux `unshare`).
No account is created, and no permission of the user's own folders is changed.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NoReturn

from drillyard.base.errors import DrillyardError
from drillyard.base.processes import die_with_parent

NOBODY = 65534


@dataclass(frozen=True)
class ForeignUser:
    """How to start a program that must not run as root: `prefix` goes before its command, `uid` is who it becomes."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None

    def own(self, *paths: Path) -> None:
        """Hands these files and folders (and what is in them) to the user that the program becomes."""
        if self.uid is None:
            return
        for path in paths:
            os.chown(path, self.uid, self.uid)
            for folder, folders, files in os.walk(path):
                for name in (*folders, *files):
                    os.chown(os.path.join(folder, name), self.uid, self.uid, follow_symlinks=False)

    def become(self) -> None:
        """Turns this process (a fresh child, about to exec) into that user; it still dies with its parent."""
        if self.uid is None:
            return
        os.setgroups([])
        os.setgid(self.uid)
        os.setuid(self.uid)
        die_with_parent()

    def exec(self, program: Path, *arguments: str) -> NoReturn:
        """Replaces this process by the program. Does not return; raises OSError when it cannot start."""
        self.become()
        command = (*self.prefix, str(program), *arguments)
        os.execvp(command[0], command)

    def run(self, program: Path, *arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Runs the program to its end and returns what it printed."""
        return subprocess.run(
            (*self.prefix, str(program), *arguments),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            cwd="/",
            user=self.uid,
            group=self.uid,
            extra_groups=[] if self.uid is not None else None,
        )


def choose(places: Iterable[Path]) -> ForeignUser:
    """The way that works here for programs and data in these places. Raises DrillyardError when there is none."""
    if os.geteuid() != 0:
        if _has_name(os.geteuid()):
            return ForeignUser()
    elif (uid := _who_can_enter(places)) is not None:
        return ForeignUser(uid=uid)
    if _namespaces_work():
        return ForeignUser(prefix=_namespace_command())
    raise DrillyardError(
        f"PostgreSQL does not run as uid {os.geteuid()}, and this system offers no user namespace to start it in.",
        hint="Run drill as an ordinary user, or keep Drillyard and DRILLYARD_HOME where user nobody may enter.",
    )


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _who_can_enter(places: Iterable[Path]) -> int | None:
    """A user other than root who can enter every folder down to these places; None when there is none."""
    closed: set[int] = set()  # Owners of folders that others cannot enter: all of them must be one and the same.
    for place in places:
        place = place.resolve()
        for folder in (place, *place.parents):
            with contextlib.suppress(FileNotFoundError):
                found = folder.stat()
                if not found.st_mode & stat.S_IXOTH:
                    closed.add(found.st_uid if found.st_mode & stat.S_IXUSR else 0)
    if not closed:
        return NOBODY
    owner = closed.pop()
    return owner if owner and not closed and _has_name(owner) else None


def _namespace_command() -> tuple[str, ...]:
    # setpriv renews the request to die with the parent, which a change of credentials clears.
    return (
        "unshare",
        "--user",
        f"--map-user={NOBODY}",
        f"--map-group={NOBODY}",
        "setpriv",
        "--pdeathsig",
        "KILL",
    )


@cache
def _namespaces_work() -> bool:
    if not shutil.which("unshare") or not shutil.which("setpriv"):
        return False
    try:
        return (
            subprocess.run((*_namespace_command(), "true"), capture_output=True, timeout=5, check=False).returncode == 0
        )
    except subprocess.TimeoutExpired:
        return False
