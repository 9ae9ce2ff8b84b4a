"""
One run of a container: a process with its pipes, its log, and a way to run more commands in the same surroundings.

Containers are processes of the yard's own user: `securityContext` is stored and shown, but there is nothing here that
could enforce it. What must run as another user (PostgreSQL) changes to it by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from drillyard.base.spawner import SpawnedProcess, Spawner, SpawnError, SpawnSpec
from drillyard.cluster.kubelet.log_pump import Pump
from drillyard.cluster.kubelet.rootfs import Rootfs

_OUTPUT_BYTES = 16 * 1024
START_FAILED = 128  # the exit code of a container whose program could not be started


class StartError(Exception):
    """The container's program cannot be started; the text is the runtime's."""


@dataclass(frozen=True)
class Launch:
    """What a container runs: an entry of the zygote, or (no entry) the program `argv`."""

    title: str
    entry: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    rootfs: Rootfs


@dataclass
class ContainerRun:
    """A container's process, from its start to the end of its output."""

    launch: Launch
    process: SpawnedProcess
    pump: Pump
    started_at: datetime
    container_id: str = field(default_factory=lambda: f"drillyard://{secrets.token_hex(32)}")

    async def wait(self) -> int:
        """The exit code, 128 + the signal's number for one that a signal ended, once all output is in the log."""
        code = exit_code_of(await self.process.wait())
        await self.pump.finish(code)
        return code


class Runtime:
    """Starts containers and commands through the spawner."""

    def __init__(self, spawner: Spawner) -> None:
        self.spawner = spawner

    async def start(self, launch: Launch, pump: Pump, now: datetime, cgroups: Sequence[str] = ()) -> ContainerRun:
        """Raises StartError; the pump is closed then."""
        try:
            if not launch.entry:
                launch = replace(launch, argv=[program_of(launch, launch.argv), *launch.argv[1:]])
            process = await self.spawner.spawn(
                SpawnSpec(
                    entry=launch.entry or None,
                    argv=launch.argv,
                    env=launch.env,
                    cwd=str(launch.cwd),
                    title=launch.title,
                    stdin=pump.child_ends.get("stdin"),
                    stdout=pump.child_ends["stdout"],
                    stderr=pump.child_ends["stderr"],
                    tty=pump.tty,
                    cgroups=cgroups,
                )
            )
        except SpawnError as failed:
            pump.close(START_FAILED)
            raise StartError(failed.message) from failed
        except BaseException:
            pump.close(START_FAILED)
            raise
        pump.started()
        return ContainerRun(launch, process, pump, now)

    async def execute(self, launch: Launch, command: Sequence[str], timeout_s: float) -> tuple[int, bytes]:
        """
        Runs a command beside the container's process: exit code, and the start of what it printed.

        Raises TimeoutError after killing it, StartError when there is no such program.
        """
        spec = exec_spec(launch, command)
        read, write = os.pipe()
        try:
            process = await self.spawner.spawn(replace(spec, stdout=write, stderr=write))
        except SpawnError as failed:
            os.close(read)
            raise StartError(failed.message) from failed
        finally:
            os.close(write)
        output = bytearray()
        reader = asyncio.create_task(_collect(read, output))
        try:
            async with asyncio.timeout(timeout_s):
                code = await process.wait()
                await reader
        finally:
            process.signal(signal.SIGKILL, session=True)
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reader
        return exit_code_of(code), bytes(output)


def exit_code_of(status: int) -> int:
    """A process's exit code, or 128 + the number of the signal that ended it (given as minus that number)."""
    return status if status >= 0 else 128 - status


def exec_spec(launch: Launch, command: Sequence[str]) -> SpawnSpec:
    """A command with the container's environment and folder, and the tools of its image only. Raises StartError."""
    inside = replace(launch, env={**launch.env, "PATH": str(launch.rootfs.folder / "bin")})
    argv = [program_of(inside, command), *map(launch.rootfs.rewrite, command[1:])]
    return SpawnSpec(argv=argv, env=inside.env, cwd=str(inside.cwd))


def program_of(launch: Launch, command: Sequence[str]) -> str:
    """The path of a command's program, as the container sees it. Raises StartError in the runtime's words."""
    name = command[0] if command else ""
    found = launch.rootfs.find_program(name, launch.env.get("PATH", ""), launch.cwd) if name else None
    if found is None:
        reason = f"stat {name}: no such file or directory" if "/" in name else "executable file not found in $PATH"
        raise StartError(f'unable to start container process: exec: "{name}": {reason}')
    return found


async def _collect(fd: int, output: bytearray) -> None:
    """Reads to the end, and keeps the start."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    os.set_blocking(fd, False)
    loop.add_reader(fd, ready.set)
    try:
        while True:
            await ready.wait()
            ready.clear()
            with contextlib.suppress(BlockingIOError):
                while data := os.read(fd, 65536):
                    output += data[: _OUTPUT_BYTES - len(output)]
                return
    finally:
        loop.remove_reader(fd)
        os.close(fd)
