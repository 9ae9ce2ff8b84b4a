"""
`drill heal`, `drill recover`: mend what is broken on purpose.

A file of its own, because these are typed when something is wrong and the machine may be busy: what they import is half
of what `drill run` needs.
"""

from __future__ import annotations

import asyncio

import typer

from drillyard.cli.options import DEFAULT_YARD, YardName
from drillyard.drills.recover import heal_abandoned, heal_all


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    panel = "Drills"
    app.command(rich_help_panel=panel)(heal)
    app.command(rich_help_panel=panel)(recover)


def heal(yard: YardName = DEFAULT_YARD) -> None:
    """Heal whatever was put in by hand, or left broken by a drill that was killed."""
    for line in asyncio.run(heal_all(yard, by="`drill heal`")) or ["Nothing is broken on purpose."]:
        typer.echo(line)


def recover(yard: YardName = DEFAULT_YARD) -> None:
    """Heal whatever a drill that was killed left broken."""
    for line in asyncio.run(heal_abandoned(yard, by="`drill recover`")) or ["Nothing was left broken."]:
        typer.echo(line)
