"""
`drill pipelines`: the log pipelines there are, a ready set of them, and a trial of a rule before it is saved.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from drillyard.base.errors import SettingError
from drillyard.cli.options import DEFAULT_YARD, Json, YardName
from drillyard.cli.tables import print_table
from drillyard.cli.terminal import plain
from drillyard.yard import ready_pipelines
from drillyard.yard.ready_pipelines import Installed
from drillyard.yard.rule_trial import SAMPLES_MAX, Tried, try_rule
from drillyard.yard.yard import open_yard

_READY_RULES = f"{ready_pipelines.SPRING_RULE}\n{ready_pipelines.GO_KIT_RULE}"


def register(app: typer.Typer) -> None:
    """Adds this command group."""
    group = typer.Typer(
        no_args_is_help=True, help="Log pipelines: list, install, remove, test.", rich_markup_mode="rich"
    )
    group.command(name="list")(list_pipelines)
    group.command()(install)
    group.command()(remove)
    group.command()(test)
    app.add_typer(group, name="pipelines", rich_help_panel="What the telemetry saw")


def list_pipelines(yard: YardName = DEFAULT_YARD, json_output: Json = False) -> None:
    """List the log pipelines in the order in which a log runs through them."""
    found = asyncio.run(_listed(yard))
    if json_output:
        typer.echo(json.dumps(found))
        return
    if not found:
        typer.echo(
            "There is no pipeline: every line keeps the status of its stream. `drill pipelines install` adds two."
        )
        return
    table = Table(box=None, pad_edge=False)
    for column in ("NAME", "ON", "FILTER", "PROCESSORS"):
        table.add_column(column, overflow="fold")
    for one in found:
        kinds = ", ".join(str(part.get("type")) for part in one.get("processors") or [])
        on, query = "yes" if one.get("is_enabled") else "no", str((one.get("filter") or {}).get("query", ""))
        table.add_row(Text(plain(str(one.get("name")))), on, Text(plain(query)), Text(plain(kinds)))
    print_table(table)


def install(yard: YardName = DEFAULT_YARD, json_output: Json = False) -> None:
    """
    Put in the ready set: the levels of Spring Boot and of go-kit lines become statuses.

    Harmless twice. For new lines only: what is stored keeps its status. The Spring rule is the incident document's own,
    with the name that it lacks, and taking lines without trace ids. Incidents about log levels want a yard without it.
    """
    _tell(asyncio.run(_install(yard)), json_output)
    if not json_output:
        typer.echo("They act on lines written from now on.", err=True)


def remove(yard: YardName = DEFAULT_YARD, json_output: Json = False) -> None:
    """Take the ready set out again; pipelines of your own stay."""
    done = asyncio.run(_remove(yard))
    _tell(done, json_output)
    if not done and not json_output:
        typer.echo("The ready set was not installed.")


def test(
    rule: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="Such as: 'r1 %{word:level} %{data:msg}'. Left out, the ready set's rules."),
    ] = None,
    support: Annotated[str, typer.Option(metavar="RULES", help="Helper rules that it refers to, one a line.")] = "",
    json_output: Json = False,
) -> None:
    """
    Read sample lines from stdin, and print what a Grok rule makes of each, before it is saved.

    Exit codes: 0 when every line fits, 1 when one does not. No yard is needed.
    """
    rules = _READY_RULES if rule is None else rule
    if sys.stdin.isatty():
        typer.echo("Type or paste log lines; Ctrl-D ends.", err=True)
    missed = total = 0
    for tried in try_rule(rules, _samples(), support=support):
        total += 1
        missed += tried.attributes is None
        _show(tried, json_output)
    if not total:
        raise SettingError("No line came on stdin.", hint="drill logs … --json | jq -r '.[].attributes.message' | …")
    if not json_output:
        typer.echo(f"{total - missed} of {total} line(s) fit.", err=True)
    raise typer.Exit(int(missed > 0))


def _samples() -> Iterator[str]:
    lines = (raw.decode(errors="replace").rstrip("\r\n") for raw in sys.stdin.buffer)
    taken = itertools.islice((line for line in lines if line), SAMPLES_MAX)
    yield from taken
    if next(lines, None) is not None:
        typer.echo(f"The first {SAMPLES_MAX} lines were tried.", err=True)


def _show(tried: Tried, as_json: bool) -> None:
    if as_json:
        row = {"line": tried.line, "attributes": tried.attributes, "status": tried.status, "problem": tried.problem}
        typer.echo(json.dumps(row))
        return
    typer.echo(plain(tried.line))
    if tried.attributes is None:
        typer.echo(f"  does not fit: {tried.problem or 'the log would pass unchanged'}")
        return
    for name, value in tried.attributes.items():
        typer.echo(f"  @{plain(name)} = {plain(json.dumps(value, ensure_ascii=False))}")
    if tried.status is not None:
        typer.echo(f"  status = {tried.status} (by a status remapper of level)")


def _tell(done: list[Installed], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([{"name": one.name, "did": one.did} for one in done]))
        return
    for one in done:
        typer.echo(f"{one.name}: {one.did}")


async def _listed(yard: str) -> list[dict[str, Any]]:
    async with open_yard(yard) as opened:
        return await opened.datadog.pipelines()


async def _install(yard: str) -> list[Installed]:
    async with open_yard(yard) as opened:
        return await ready_pipelines.install(opened.datadog)


async def _remove(yard: str) -> list[Installed]:
    async with open_yard(yard) as opened:
        return await ready_pipelines.remove(opened.datadog)
