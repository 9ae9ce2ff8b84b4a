"""
Lets somebody in while the fault is on: a command with the yard's environment, or a person who works at a shell of
their own.

What they print goes into the record, and what they asked of the Kubernetes API; what they changed is seen by comparing
the desired state before and after.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from datetime import UTC, datetime

from drillyard.base.errors import DrillyardError
from drillyard.drills.scene import Scene
from drillyard.yard.requests_seen import by_investigator

_OUTPUT_MAX = 1_000_000
_GRACE_S = 5.0


async def let_in(scene: Scene) -> None:
    """Runs the command, then waits for the person, as the settings say; both within `hold_max_s`."""
    began = datetime.now(UTC)
    try:
        if scene.settings.command:
            await _run_command(scene, scene.settings.command)
        if scene.settings.hold:
            await _wait_for_person(scene)
    finally:
        asked = await asyncio.to_thread(by_investigator, scene.yard.folder, began)
        scene.record.evidence("investigator-requests", asked)


async def _run_command(scene: Scene, command: tuple[str, ...]) -> None:
    environment = {
        **os.environ,
        **scene.yard.state.environment(scene.yard.folder, investigator=True),
        "DRILL_INCIDENT_BRIEF": scene.incident.brief,
    }
    if not shutil.which(command[0]):
        raise DrillyardError(f'The command "{command[0]}" was not found.', hint="Give a program on PATH, or its path.")
    scene.say(f"let in: {' '.join(command)}")
    with tempfile.TemporaryDirectory(prefix="investigator-") as folder:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        output = bytearray()
        reading = asyncio.ensure_future(_read(scene, process, output))
        try:
            await asyncio.wait_for(process.wait(), scene.settings.hold_max_s)
            ended = f"ended with exit code {process.returncode}"
        except TimeoutError:
            ended = f"was stopped after {scene.settings.hold_max_s:.0f} s"
        finally:
            await _end(process)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reading, _GRACE_S)
            scene.record.evidence("investigator-output", output.decode(errors="replace"))
        scene.say(f"the command {ended}", exit_code=process.returncode)


async def _read(scene: Scene, process: asyncio.subprocess.Process, output: bytearray) -> None:
    assert process.stdout
    while line := await process.stdout.readline():
        if len(output) < _OUTPUT_MAX:
            output += line
        scene.audience.say(f"  {line.decode(errors='replace').rstrip()}")


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends the command and whatever it started in its session."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal_number)
        if process.returncode is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _GRACE_S)


async def _wait_for_person(scene: Scene) -> None:
    environment = scene.yard.state.environment(scene.yard.folder)
    option = "" if scene.yard.state.name == "default" else f" --yard {scene.yard.state.name}"
    scene.say(f'"{scene.incident.brief}"')
    scene.say(f'In another terminal: eval "$(drill env --investigator{option})"')
    scene.say(f"The shop: {environment['FRONT_END_URL']}")
    scene.say("Press Enter here when you are done; the drill then heals what is left and accounts for every order.")
    loop = asyncio.get_running_loop()
    entered: asyncio.Future[None] = loop.create_future()

    def read() -> None:
        if not entered.done():
            sys.stdin.readline()
            entered.set_result(None)

    try:
        loop.add_reader(sys.stdin, read)
    except (OSError, ValueError, PermissionError) as refused:
        raise DrillyardError("--hold waits for Enter, and there is no terminal to press it at.") from refused
    try:
        await asyncio.wait_for(entered, scene.settings.hold_max_s)
        scene.say("the person is done")
    except TimeoutError:
        scene.say(f"nobody pressed Enter within {scene.settings.hold_max_s:.0f} s")
    finally:
        loop.remove_reader(sys.stdin)
