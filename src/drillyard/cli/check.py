"""
`drill check`: the documents' checklists, and the proof that a line which a pod writes can be found.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from typing import Annotated

import typer

from drillyard.cli import checklists
from drillyard.cli.options import DEFAULT_YARD, Json, YardName
from drillyard.cli.terminal import plain
from drillyard.yard.logging_canary import LoggingCheck, check_logging
from drillyard.yard.yard import open_yard

_UNCLEAR = 3


def register(app: typer.Typer) -> None:
    """Adds this command group."""
    checks = typer.Typer(
        no_args_is_help=True,
        help="Prove that something works, and go through the documents' checklists.",
        rich_markup_mode="rich",
    )
    checks.callback()(_group)
    checks.command()(logging)
    checklists.register(checks)
    app.add_typer(checks, name="check", rich_help_panel="What the telemetry saw")


def _group() -> None:
    """Prove that something works, and go through the documents' checklists."""


def logging(
    limit: Annotated[float, typer.Option(min=0.5, max=600, metavar="SECONDS", help="The longest wait.")] = 30.0,
    yard: YardName = DEFAULT_YARD,
    json_output: Json = False,
) -> None:
    """
    Write a marker to a pod's stdout and search for it: the only thing that may call logging healthy.

    An agent that runs, and counters that rise, prove nothing about the line you miss: each of pod, log file, agent,
    intake and search can lose it. So front-end is asked for a page that does not exist, with a name that no other line
    has; front-end logs the request, and the search must find it. Do this before you trust an empty result.
    Exit codes: 0 found, 1 written and not found in time, 3 unclear because front-end wrote nothing.
    """
    result = asyncio.run(_check(yard, limit))
    if json_output:
        typer.echo(json.dumps(asdict(result)))
    else:
        _say(result)
    raise typer.Exit({True: 0, False: 1, None: _UNCLEAR}[result.healthy])


async def _check(yard: str, limit_s: float) -> LoggingCheck:
    async with open_yard(yard) as opened:
        return await check_logging(opened, limit_s=limit_s)


def _say(result: LoggingCheck) -> None:
    word = {True: "Logging is healthy.", False: "Logging is NOT healthy.", None: "Unclear."}[result.healthy]
    typer.echo(f"{word} {plain(result.text)}")
    if result.healthy:
        typer.echo(f"  from the request to the search: {result.took_s:.2f} s")
    typer.echo(f"  the search: {result.query}")
    if result.healthy is False:
        typer.echo("  next: kubectl -n sock-shop logs deployment/front-end --tail 5   (was it written?)")
        typer.echo("        kubectl -n datadog get pods                             (does the agent run?)")
        typer.echo("        kubectl -n datadog exec ds/datadog-agent -c agent -- agent status")
