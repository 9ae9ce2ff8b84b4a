"""
`drill logs 'QUERY'`: what the telemetry has, in the terminal, with UTC times; and why an empty result is empty.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from drillyard.base.errors import SettingError
from drillyard.cli.options import DEFAULT_YARD, Json, YardName
from drillyard.cli.tables import print_table
from drillyard.cli.terminal import plain, rendered
from drillyard.yard.datadog import DatadogClient, Group
from drillyard.yard.empty_result import explain
from drillyard.yard.follow_logs import follow as follow_logs
from drillyard.yard.yard import open_yard

STATUS_COLOURS = {
    "emergency": "bold red",
    "alert": "bold red",
    "critical": "bold red",
    "error": "red",
    "warn": "yellow",
    "info": "green",
    "ok": "green",
}
FACETS_MAX = 4
"""As many as the aggregate API splits by."""
_GROUPS_MAX = 1000
_NONE = "(none)"
"""The group of logs without the facet: counted, so that the table's sum is the number of logs."""


@dataclass(frozen=True)
class Search:
    """What is looked for, and where it goes."""

    query: str
    start: str
    end: str
    limit: int
    as_json: bool


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command(rich_help_panel="What the telemetry saw")(logs)


def logs(
    query: Annotated[str, typer.Argument(help='A Datadog log query, such as: service:sock-shop-orders "PAID"')] = "*",
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="now-15m, RFC 3339, or epoch ms.")] = "now-15m",
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="As --from.")] = "now",
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, help="The newest so many; with --by, the largest so many groups.")
    ] = 100,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Then print new lines as they come; Ctrl-C ends.")
    ] = False,
    count: Annotated[bool, typer.Option("--count", help="Print the number of logs only.")] = False,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="FACET", help="Count by service, status, a tag, or @attribute; up to four times."),
    ] = None,
    yard: YardName = DEFAULT_YARD,
    json_output: Json = False,
) -> None:
    """
    Search the logs, oldest first, with UTC times.

    When nothing is found, stderr says why: an unknown value and the known ones near it, the window, the status. A query
    that begins with a minus sign comes last, after two dashes: `drill logs --count -- -status:info`.
    """
    search = Search(query, start, end, limit, json_output)
    facets = tuple(by or ())
    check_options(facets, follow, count, end)
    if follow:
        try:
            asyncio.run(_follow(yard, search))
        except KeyboardInterrupt:
            raise typer.Exit(0) from None
    elif count:
        asyncio.run(_count(yard, search))
    elif facets:
        asyncio.run(_by(yard, search, facets))
    else:
        asyncio.run(_list(yard, search))


def check_options(facets: tuple[str, ...], follow: bool, count: bool, end: str) -> None:
    """Raises SettingError for options that cannot go together."""
    if follow + count + bool(facets) > 1:
        raise SettingError("--follow, --count and --by exclude each other.", hint="Give one of them.")
    if follow and end != "now":
        raise SettingError(f"--follow goes on from now, so --to {end} does not fit.", hint="Leave --to out.")
    if len(facets) > FACETS_MAX:
        raise SettingError(f"--by was given {len(facets)} times.", hint=f"Give it {FACETS_MAX} times at most.")


async def _list(yard: str, search: Search) -> None:
    async with open_yard(yard) as opened:
        items = await _newest(opened.datadog, search)
        if search.as_json:
            typer.echo(json.dumps(items))
        else:
            show_logs(Console(soft_wrap=True), items)
        more = "; there may be more, see --limit" if len(items) == search.limit else ""
        typer.echo(f"{len(items)} log(s) for {plain(search.query)} (UTC){more}", err=True)
        if not items:
            await _explain(opened.datadog, search)


async def _follow(yard: str, search: Search) -> None:
    console = Console(soft_wrap=True)

    def show(items: Iterable[dict[str, Any]]) -> None:
        if search.as_json:
            for item in items:
                typer.echo(json.dumps(item))
            sys.stdout.flush()
        else:
            show_logs(console, items)

    async with open_yard(yard) as opened:
        items = await _newest(opened.datadog, search)
        show(items)
        async for fresh in follow_logs(opened.datadog, search.query, opened.clock, seen=items):
            show(fresh)


async def _count(yard: str, search: Search) -> None:
    async with open_yard(yard) as opened:
        number = await opened.datadog.count(search.query, search.start, search.end)
        typer.echo(json.dumps({"count": number}) if search.as_json else str(number))
        if not number:
            await _explain(opened.datadog, search)


async def _by(yard: str, search: Search, facets: tuple[str, ...]) -> None:
    limit = min(search.limit, _GROUPS_MAX)
    async with open_yard(yard) as opened:
        groups = await opened.datadog.groups(search.query, facets, search.start, search.end, limit=limit, missing=_NONE)
        if search.as_json:
            typer.echo(json.dumps([{"by": group.by, "count": group.count} for group in groups]))
        elif groups:
            print_table(group_table(facets, groups))
        if not groups:
            await _explain(opened.datadog, search)
    for facet in facets:
        if groups and all(group.by.get(facet) == _NONE for group in groups):
            typer.echo(
                f"No log found has {plain(facet)}: tags are written without an @, attributes with one.", err=True
            )


async def _newest(datadog: DatadogClient, search: Search) -> list[dict[str, Any]]:
    found = await datadog.logs(search.query, search.start, search.end, sort="-timestamp", limit=search.limit)
    return found.items[::-1]


async def _explain(datadog: DatadogClient, search: Search) -> None:
    for sentence in await explain(datadog, search.query, search.start, search.end):
        typer.echo(plain(sentence), err=True)


def show_logs(console: Console, items: Iterable[dict[str, Any]]) -> None:
    """Prints logs as the search API gives them, one line each; nothing in them reaches the terminal raw."""
    for item in items:
        attributes = item["attributes"]
        status = str(attributes.get("status", ""))
        line = Text(f"{attributes['timestamp']} ", style="dim")
        line.append(f"{plain(status):5} ", style=STATUS_COLOURS.get(status, ""))
        line.append(f"{plain(str(attributes.get('service', '')))} ", style="cyan")
        line.append_text(rendered(str(attributes.get("message", ""))))
        console.print(line)


def group_table(facets: Iterable[str], groups: Iterable[Group]) -> Table:
    """A column a facet, and the counts."""
    names = list(facets)
    table = Table(box=None, pad_edge=False)
    for name in names:
        table.add_column(Text(plain(name).upper()), overflow="fold")
    table.add_column("COUNT", justify="right")
    for group in groups:
        table.add_row(*(Text(plain(group.by.get(name, _NONE))) for name in names), str(group.count))
    return table
