"""
`drill events [QUERY]`: what Kubernetes and the monitors reported, in UTC.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from drillyard.cli.options import DEFAULT_YARD, Json, YardName
from drillyard.cli.terminal import plain
from drillyard.yard.datadog import Found
from drillyard.yard.empty_result import explain_events
from drillyard.yard.yard import open_yard

_COLOURS = {"error": "red", "warning": "yellow", "success": "green"}
_MARKDOWN = re.compile(r"%%%|\*\*|^\s*_Events emitted by .*$", re.MULTILINE)
"""The agent writes its events in Datadog's Markdown, with a last line that repeats the times."""


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command(rich_help_panel="What the telemetry saw")(events)


def events(
    query: Annotated[
        str, typer.Argument(help="A Datadog event query, such as: source:kubernetes kube_namespace:sock-shop")
    ] = "*",
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="now-1h, RFC 3339, or epoch ms.")] = "now-1h",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="As --from.")] = "now",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many.")] = 100,
    yard: YardName = DEFAULT_YARD,
    json_output: Json = False,
) -> None:
    """Show events of Kubernetes, monitors and people, oldest first, with UTC times."""
    found, said = asyncio.run(_ask(yard, query, start, end, limit))
    items = found.items[::-1]
    if json_output:
        typer.echo(json.dumps(items))
    else:
        console = Console(soft_wrap=True)
        for item in items:
            console.print(line(item["attributes"]))
    typer.echo(f"{len(items)} event(s) for {plain(query)} (UTC)", err=True)
    for sentence in said:
        typer.echo(plain(sentence), err=True)


async def _ask(yard: str, query: str, start: str, end: str, limit: int) -> tuple[Found, list[str]]:
    """The events, and what is said when there are none."""
    async with open_yard(yard) as opened:
        found = await opened.datadog.events(query, start, end, sort="-timestamp", limit=limit)
        if found.count:
            return found, []
        every = await opened.datadog.events("*", start, end, limit=10_000)
        return found, explain_events(query, every.items)


def line(attributes: dict[str, Any]) -> Text:
    """One event as one line: time, status, what it is about, what happened."""
    inner = attributes.get("attributes") or {}
    status = str(inner.get("status", "info"))
    shown = Text(f"{attributes['timestamp']} ", style="dim")
    shown.append(f"{plain(status):8} ", style=_COLOURS.get(status, ""))
    title = str(inner.get("title", ""))
    shown.append(plain(title.removeprefix("Events from the ")), style="cyan")
    shown.append(f"  {plain(' '.join(_MARKDOWN.sub('', str(attributes.get('message', ''))).split()))}")
    return shown
