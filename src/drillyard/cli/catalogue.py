"""
`drill incidents`, `drill faults`, `drill profiles`: what can be played, what can be broken, and who comes meanwhile.
"""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict

import typer
from rich.table import Table

from drillyard.cli.options import Json
from drillyard.cli.tables import print_table
from drillyard.faults.registry import FAULTS, keys_of
from drillyard.incidents.catalogue import all_incidents
from drillyard.load.profiles import PROFILES, playable


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    panel = "The catalogue"
    app.command(rich_help_panel=panel)(incidents)
    app.command(rich_help_panel=panel)(faults)
    app.command(rich_help_panel=panel)(profiles)


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
    print_table(table)


def faults(json_output: Json = False) -> None:
    """List the faults that an incident file can use."""
    rows = [
        {"name": name, "what": (inspect.getdoc(kind) or "").splitlines()[0], "keys": keys_of(name)}
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
    print_table(table)


def profiles(json_output: Json = False) -> None:
    """List the load profiles that `drill run NAME --profile PROFILE` plays an incident under."""
    found = {name: PROFILES[name] for name in playable()}
    if json_output:
        typer.echo(json.dumps([{"name": name, **asdict(one)} for name, one in found.items()]))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("NAME", "FROM", "WHO COMES"):
        table.add_column(column, overflow="fold")
    for name, one in found.items():
        table.add_row(name, one.about, str(one))
    print_table(table)
