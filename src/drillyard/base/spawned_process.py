"""
A process to start and a process that was started, as the spawner's callers see them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from drillyard.base.errors import DrillyardError

Signal = Callable[[int, int, bool], None]


class SpawnError(DrillyardError):
    """A process could not be started."""


@dataclass(frozen=True, kw_only=True)
class SpawnSpec:
    """
    One process to start. `entry` ("module:function") runs in a fork, and gets `argv`; without it `argv` is executed.

    `env` is the whole environment. Streams are descriptors, which the caller still owns and closes; None is /dev/null.
    `user` is (uid, gid) to become, which takes root.
    """

    entry: str | None = None
    argv: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    title: str | None = None
    user: tuple[int, int] | None = None
    stdin: int | None = None
    stdout: int | None = None
    stderr: int | None = None
    tty: bool = False  # stdin is a terminal, and becomes the process's controlling one
    cgroups: Sequence[str] = ()  # folders of cgroups that it enters before it does anything else


class SpawnedProcess:
    """A process that the zygote started; first of its own session."""

    def __init__(self, pid: int, signal: Signal) -> None:
        self.pid = pid
        self._signal = signal  # (pid, number, whole session)
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def returncode(self) -> int | None:
        """The exit code, or minus the number of the signal that ended it; None while it runs."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self) -> int:
        """Waits for its end, and returns `returncode`. The rest of its session has been killed by then."""
        return await asyncio.shield(self._ended)

    def signal(self, number: int, *, session: bool = False) -> None:
        """Signals the process, or everything in its session. Harmless once it has ended."""
        if not self._ended.done():
            self._signal(self.pid, number, session)

    def end(self, status: int) -> None:
        """For its zygote's link only: the process has ended."""
        if not self._ended.done():
            self._ended.set_result(status)
