"""
`drill logs 'QUERY'`: what the telemetry has, in the terminal, with UTC times.
"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from drillyard.cli.options import DEFAULT_YARD, Json, YardName
from drillyard.yard.datadog import Found
from drillyard.yard.yard import open_yard

_COLOURS = {"error": "red", "warn": "yellow", "info": "green"}


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command(rich_help_panel="A yard")(logs)


def logs(
    query: Annotated[str, typer.Argument(help='A Datadog log query, such as: service:sock-shop-orders "PAID"')] = "*",
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="now-15m, RFC 3339, or epoch ms.")] = "now-15m",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="As --from.")] = "now",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The newest so many.")] = 100,
    yard: YardName = DEFAULT_YARD,
    json_output: Json = False,
) -> None:
    """Search the logs, oldest first, with UTC times."""
    found = asyncio.run(_search(yard, query, start, end, limit))
    items = found.items[::-1]
    if json_output:
        typer.echo(json.dumps(items))
        return
    console = Console(soft_wrap=True)
    for item in items:
        attributes = item["attributes"]
        line = Text(f"{attributes['timestamp']} ", style="dim")
        line.append(f"{attributes.get('status', ''):5} ", style=_COLOURS.get(attributes.get("status", ""), ""))
        line.append(f"{attributes.get('service', '')} ", style="cyan")
        line.append_text(Text.from_ansi(attributes.get("message", "")))
        console.print(line)
    typer.echo(f"{len(items)} log(s) for {query} (UTC)", err=True)


async def _search(yard: str, query: str, start: str, end: str, limit: int) -> Found:
    async with open_yard(yard) as opened:
        return await opened.datadog.logs(query, start, end, sort="-timestamp", limit=limit)
