"""
One drill in one yard: opens the yard and the record, plays, and renders the report whatever came of it.
"""

from __future__ import annotations

import asyncio
import platform
import shlex
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from drillyard.base.clock import SystemClock
from drillyard.drills.one_at_a_time import one_at_a_time
from drillyard.drills.play import play
from drillyard.drills.report import judge_again, write_reports
from drillyard.drills.scene import Audience, DrillSettings, Scene
from drillyard.incidents.schema import Incident
from drillyard.record.reader import Record
from drillyard.record.verdicts import Outcome, Verdict
from drillyard.record.writer import RecordWriter
from drillyard.yard import cluster_elsewhere
from drillyard.yard.yard import open_yard


@dataclass(frozen=True)
class Played:
    """What a drill left. `interrupted`: by Ctrl-C or a signal, after which everything was healed."""

    verdict: Verdict
    record: Path
    report: Path
    command: str
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """The verdict's; of a drill that was interrupted and healed 130, as shells have it."""
        return 130 if self.interrupted and self.verdict.outcome is not Outcome.INVALID else self.verdict.exit_code

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "verdict": self.verdict.outcome.value,
            "reason": self.verdict.reason,
            "interrupted": self.interrupted,
            "record": str(self.record),
            "report": str(self.report),
            "command": self.command,
            "checks": [check.to_json() for check in self.verdict.checks],
        }


async def play_in_yard(incident: Incident, settings: DrillSettings, name: str, audience: Audience) -> Played:
    """
    Plays it in the yard of that name. Being cancelled ends it early, healed and reported, and is not raised again.

    Raises DrillyardError when the yard is not up or the record cannot be written.
    """
    clock = SystemClock()
    command = _command(incident, settings, name)
    async with open_yard(name) as yard, AsyncExitStack() as stack:
        stack.enter_context(one_at_a_time(yard.folder))
        record = RecordWriter.create(
            yard.folder.home / "records",
            incident=incident.name,
            yard=name,
            seed=settings.seed,
            clock=clock,
            versions={
                "drillyard": version("drillyard"),
                "python": platform.python_version(),
                "system": platform.platform(),
            },
            command=command,
        )
        record.evidence("incident", incident.model_dump(mode="json", exclude_none=True))
        scene = Scene(
            yard=yard,
            incident=incident,
            settings=settings,
            record=record,
            audience=audience,
            clock=clock,
            started_at=clock.now(),
        )
        interrupted = False
        try:
            await play(scene)
        except asyncio.CancelledError:
            interrupted = True  # Heard: what it left is told like that of any other drill.
        finally:
            report = write_reports(record.path)
    # Judged again from what was written down, as the report is: both must say the same.
    return Played(judge_again(Record.open(record.path)), record.path, report, command, interrupted)


def _command(incident: Incident, settings: DrillSettings, name: str) -> str:
    context = cluster_elsewhere.chosen()
    drill = f"drill --context {shlex.quote(context)}" if context else "drill"
    parts = [f"{drill} run {incident.name} --seed {settings.seed}"]
    if settings.orders is not None:
        parts.append(f"--orders {settings.orders}")
    if settings.profile is not None:
        parts.append(f"--profile {settings.profile}")
    if settings.duration_s:
        parts.append(f"--duration {settings.duration_s:g}")
    if name != "default" and not context:
        parts.append(f"--yard {name}")
    return " ".join(parts)
