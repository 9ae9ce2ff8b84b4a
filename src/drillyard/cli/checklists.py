"""
`drill check incident-3`, `drill check incident-5`: the checklists of the incident documents, an entry a line.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from drillyard.base.errors import SettingError
from drillyard.cli.options import DEFAULT_YARD, Json, YardName
from drillyard.cli.terminal import plain
from drillyard.drills.checklists.entry import Answer, Entry, Sight, exit_code, go_through
from drillyard.drills.checklists.lists import LISTS
from drillyard.drills.checklists.order_looks import length_of
from drillyard.yard.yard import open_yard


class Part3(StrEnum):
    """The lists of the Incident 3 document."""

    before = "before"
    during = "during"
    after = "after"
    troubleshooting = "troubleshooting"


class Part5(StrEnum):
    """The lists of the Incident 5 document."""

    before = "before"
    during = "during"
    after = "after"


_Since = Annotated[str, typer.Option(metavar="TIME", help="How far back logs and orders count, such as 15m or 2h.")]
_NoOrder = Annotated[bool, typer.Option("--no-order", help="Place no order of my own; its entry is then UNKNOWN.")]


def register(checks: typer.Typer) -> None:
    """Adds these commands to the group `check`."""
    checks.command("incident-3")(incident_3)
    checks.command("incident-5")(incident_5)


def incident_3(
    part: Annotated[Part3, typer.Argument(help="Which list.")] = Part3.before,
    since: _Since = "15m",
    no_order: _NoOrder = False,
    yard: YardName = DEFAULT_YARD,
    json_output: Json = False,
) -> None:
    """
    Go through a list of the Incident 3 document: before, during, after, or its seven entries of troubleshooting.

    A line each: PASS, FAIL with the next command to type, or UNKNOWN where nothing can be said. Exit codes: 0 all PASS,
    1 at least one FAIL, 3 no FAIL but something UNKNOWN.
    """
    _go(LISTS["incident-3"][part.value], yard, since, no_order, json_output)


def incident_5(
    part: Annotated[Part5, typer.Argument(help="Which list.")] = Part5.before,
    since: _Since = "15m",
    no_order: _NoOrder = False,
    yard: YardName = DEFAULT_YARD,
    json_output: Json = False,
) -> None:
    """
    Go through a list of the Incident 5 document: its checklist, its triggered or its recovered criteria.

    Words and exit codes as for incident-3.
    """
    _go(LISTS["incident-5"][part.value], yard, since, no_order, json_output)


def _go(entries: Sequence[Entry], yard: str, since: str, no_order: bool, json_output: bool) -> None:
    try:
        length_of(f"now-{since}")
    except ValueError as wrong:
        raise SettingError(f"--since {since} is no length of time.", hint="Use 30s, 15m, 2h or 1d.") from wrong
    answers = asyncio.run(_ask(entries, yard, f"now-{since}", may_order=not no_order))
    if json_output:
        typer.echo(json.dumps([asdict(answer) for answer in answers], indent=1))
    else:
        _say(answers)
    raise typer.Exit(exit_code(answers))


async def _ask(entries: Sequence[Entry], yard: str, since: str, *, may_order: bool) -> list[Answer]:
    async with open_yard(yard) as opened:
        return await go_through(entries, Sight(opened, since, may_order))


def _say(answers: Sequence[Answer]) -> None:
    for answer in answers:
        typer.echo(f"{answer.word:<8} {answer.claim}: {plain(answer.seen)}")
        if answer.next:
            typer.echo(f"         next: {answer.next}")
