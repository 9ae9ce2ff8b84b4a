"""
`drill incidents`, `drill faults`: what can be played, and what can be broken.
"""

from __future__ import annotations

import inspect
import json

import typer
from rich.console import Console
from rich.table import Table

from drillyard.cli.options import Json
from drillyard.faults.registry import FAULTS
from drillyard.incidents.catalogue import all_incidents


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    panel = "The catalogue"
    app.command(rich_help_panel=panel)(incidents)
    app.command(rich_help_panel=panel)(faults)


def incidents(json_output: Json = False) -> None:
    """List the incidents that can be played."""
    found = all_incidents()
    if json_output:
        rows = [
            {
                "name": one.name,
                "aliases": one.names[1:],
                "title": one.title,
                "severity": one.severity,
                "brief": one.brief,
            }
            for one in found
        ]
        typer.echo(json.dumps(rows))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("NAME", "ALSO", "SEVERITY", "WHAT USERS SAY"):
        table.add_column(column, overflow="fold")
    for one in found:
        table.add_row(one.name, ", ".join(one.names[1:]), one.severity, one.brief)
    Console().print(table)


def faults(json_output: Json = False) -> None:
    """List the faults that an incident file can use."""
    rows = [
        {"name": name, "what": (inspect.getdoc(kind) or "").splitlines()[0], "keys": list(kind.__dataclass_fields__)}
        for name, kind in sorted(FAULTS.items())
    ]
    if json_output:
        typer.echo(json.dumps(rows))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("NAME", "WHAT IT DOES", "KEYS"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(str(row["name"]), str(row["what"]), ", ".join(row["keys"]))
    Console().print(table)
