"""
`drill records`: what earlier drills left.
"""

from __future__ import annotations

import json

import typer
from rich.table import Table

from drillyard.base.clock import rfc3339
from drillyard.cli.options import Json
from drillyard.cli.tables import print_table
from drillyard.record.index import list_records
from drillyard.yard.home import home


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command(rich_help_panel="Drills")(records)


def records(json_output: Json = False) -> None:
    """List the records of earlier drills, newest first."""
    found = list_records(home() / "records")
    if json_output:
        rows = [
            {
                "path": str(one.path),
                "incident": one.incident,
                "yard": one.yard,
                "seed": one.seed,
                "state": one.state,
                "reason": one.problem or one.reason,
                "started_at": rfc3339(one.started_at) if one.started_at else None,
            }
            for one in found
        ]
        typer.echo(json.dumps(rows))
        return
    if not found:
        typer.echo("No drill has been played yet. `drill run incident-5` plays one.")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("STARTED (UTC)", "INCIDENT", "VERDICT", "SEED", "RECORD"):
        table.add_column(column, overflow="fold")
    for one in found:
        started = f"{one.started_at:%Y-%m-%d %H:%M:%S}" if one.started_at else ""
        table.add_row(started, one.incident, one.state, str(one.seed or ""), str(one.path))
    print_table(table)
