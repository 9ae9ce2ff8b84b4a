"""
`drill report`, `drill diff`: read what drills left, render it again, and set two of them side by side.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from drillyard.base.errors import DrillyardError, SettingError
from drillyard.cli.options import Json
from drillyard.cli.tables import print_table
from drillyard.cli.terminal import plain
from drillyard.drills.report import judge_again, junit, render_html, render_markdown, write_reports
from drillyard.drills.report.difference import differences
from drillyard.record import layout
from drillyard.record.index import list_records
from drillyard.record.reader import Record
from drillyard.record.verdicts import Outcome
from drillyard.yard.home import home

_RECORD = typer.Argument(metavar="RECORD", help="A folder, its name or the beginning of it; the newest if left out.")


class Form(StrEnum):
    """What a report can be printed as."""

    MARKDOWN = "markdown"
    HTML = "html"
    JUNIT = "junit"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    app.command(rich_help_panel="Drills")(report)
    app.command(rich_help_panel="Drills")(diff)


def report(
    record: Annotated[str | None, _RECORD] = None,
    print_as: Annotated[Form | None, typer.Option("--print", help="Print it, instead of writing the files.")] = None,
) -> None:
    """
    Judge a record again and write its report: report.html, report.md and junit.xml beside the evidence.

    The verdict is made from the record alone: an altered file is noticed. Exit codes as of `drill run`.
    """
    with _readable():
        _report(_path(record), print_as)


def _report(path: Path, print_as: Form | None) -> None:
    found = Record.open(path)
    verdict = judge_again(found)
    if print_as is None:
        page = write_reports(found.path)
        typer.echo(f"{verdict.outcome.name}  {plain(verdict.reason)}")
        typer.echo(str(page))
    elif print_as is Form.JSON:
        checks = [check.to_json() for check in verdict.checks]
        document = {"record": str(found.path), "verdict": verdict.outcome.value, "reason": verdict.reason}
        typer.echo(json.dumps({**document, "checks": checks}, indent=1))
    else:
        typer.echo(_rendered(found, print_as), nl=False)
    raise typer.Exit(verdict.exit_code)


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A record: folder, name, or the beginning of a name.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The one to hold against it.")],
    json_output: Json = False,
) -> None:
    """
    Show what the second drill says otherwise than the first: verdicts, checks, queries, figures, phases.

    Exit code 1 when a verdict or a check differs, 70 when a record is damaged, else 0.
    """
    with _readable():
        lines = differences(Record.open(_path(first)), Record.open(_path(second)))
    if json_output:
        typer.echo(json.dumps([vars(line) for line in lines], indent=1))
    elif not lines:
        typer.echo("They say the same.")
    else:
        table = Table(box=None, pad_edge=False)
        for column in ("", "WHAT", "A", "B"):
            table.add_column(column, overflow="fold")
        for line in lines:
            values = [plain(value) if value is not None else "–" for value in (line.first, line.second)]
            table.add_row(line.topic, plain(line.what), *values, style="bold" if line.decides else None)
        print_table(table)
    raise typer.Exit(1 if any(line.decides for line in lines) else 0)


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    """A record that is damaged says nothing of its drill: exit code 70, and not that of a broken promise."""
    try:
        yield
    except SettingError:
        raise
    except DrillyardError as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(Outcome.INVALID.exit_code) from problem


def _rendered(record: Record, form: Form) -> str:
    if form is Form.JUNIT:
        return junit(record).decode()
    return render_html(record) if form is Form.HTML else render_markdown(record)


def _path(asked: str | None) -> Path:
    """The folder of that record. Raises SettingError when there is none, or more than one."""
    root = home() / "records"
    if asked is not None and (Path(asked).is_dir() or "/" in asked):
        if not (Path(asked) / layout.MANIFEST).is_file():
            raise SettingError(
                f"{asked} is not a record: it has no {layout.MANIFEST}.", hint="`drill records` lists them."
            )
        return Path(asked)
    names = [one.path.name for one in list_records(root)]
    if asked is None:
        if not names:
            raise SettingError("There is no record yet.", hint="`drill run incident-5` makes one.")
        return root / names[0]
    fits = [name for name in names if name.startswith(asked)]
    if asked in names or len(fits) == 1:
        return root / (asked if asked in names else fits[0])
    if fits:
        raise SettingError(f"{len(fits)} records begin with {asked!r}.", hint=f"The newest is {fits[0]}.")
    raise SettingError(f"There is no record {asked!r}.", hint="`drill records` lists them.")
