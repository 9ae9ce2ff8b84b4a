"""
`drill timeline ORDER_ID`: one order across all services, as the incident documents print it.
"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from drillyard.base.clock import rfc3339
from drillyard.cli.logs import STATUS_COLOURS
from drillyard.cli.options import DEFAULT_YARD, Json, YardName
from drillyard.cli.terminal import plain, rendered
from drillyard.yard.order_timeline import Step, Timeline, order_timeline
from drillyard.yard.yard import open_yard

_LEVEL_COLOURS = STATUS_COLOURS | {"warning": "yellow"}
_KIND_COLOURS = {"status": "bold magenta", "charge": "bold blue", "refund": "bold blue", "span": "dim"}


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command(rich_help_panel="What the telemetry saw")(timeline)


def timeline(
    order_id: Annotated[str, typer.Argument(help="Such as 6900953ac1f4320001b50703.")],
    yard: YardName = DEFAULT_YARD,
    spans: Annotated[
        bool, typer.Option("--spans", help="With the spans of its traces: who called whom, how long.")
    ] = False,
    json_output: Json = False,
) -> None:
    """
    Show all that happened to one order, across all services, in order.

    Log lines that name it, the statuses that orders-db keeps, and what the bank's own ledger says: in UTC, and as T+
    from the order's creation.
    """
    found = asyncio.run(_ask(yard, order_id, spans))
    if json_output:
        typer.echo(json.dumps(found.to_json()))
    else:
        show(Console(soft_wrap=True), found)
    for note in found.notes:
        typer.echo(plain(note), err=True)


async def _ask(yard: str, order_id: str, spans: bool) -> Timeline:
    async with open_yard(yard) as opened:
        return await order_timeline(opened, order_id, with_spans=spans)


def show(console: Console, found: Timeline) -> None:
    """Prints the steps, one line each, services in one column."""
    width = max((len(plain(step.service)) for step in found.steps), default=0)
    for step in found.steps:
        console.print(_line(step, found, width))


def _line(step: Step, found: Timeline, width: int) -> Text:
    line = Text(f"{rfc3339(step.at)} ", style="dim")
    line.append(f"{offset(step.offset_s(found.start)):>11}  ", style="bold")
    line.append(f"{plain(step.service):{width}} ", style="cyan")
    line.append(f"{plain(step.level).upper():5} ", style=_LEVEL_COLOURS.get(step.level, ""))
    text = rendered(step.text)
    text.stylize(_KIND_COLOURS.get(step.kind, ""))
    return line.append_text(text)


def offset(seconds: float) -> str:
    """`T+0.029s`, `T-1.500s`, with minutes from one on: `T+2m05.250s`."""
    sign, size_ms = ("-" if seconds < 0 else "+"), round(abs(seconds) * 1000)
    minutes, left_ms = divmod(size_ms, 60_000)
    return f"T{sign}{minutes}m{left_ms / 1000:06.3f}s" if minutes else f"T{sign}{left_ms / 1000:.3f}s"
