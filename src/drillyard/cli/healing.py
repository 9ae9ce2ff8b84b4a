"""
`drill heal`, `drill recover`: mend what is broken on purpose.

A file of its own, because these are typed when something is wrong and the machine may be busy: what they import is half
of what `drill run` needs, and comes after they have asked for a better place in the queue for the processor.
"""

from __future__ import annotations

import asyncio

import typer

from drillyard.base.processes import go_first
from drillyard.cli.options import DEFAULT_YARD, YardName


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    panel = "Drills"
    app.command(rich_help_panel=panel)(heal)
    app.command(rich_help_panel=panel)(recover)


def heal(yard: YardName = DEFAULT_YARD) -> None:
    """Heal whatever was put in by hand, or left broken by a drill that was killed."""
    go_first()
    from drillyard.drills.recover import heal_all

    for line in asyncio.run(heal_all(yard, by="`drill heal`")) or ["Nothing is broken on purpose."]:
        typer.echo(line)


def recover(yard: YardName = DEFAULT_YARD) -> None:
    """Heal whatever a drill that was killed left broken."""
    go_first()
    from drillyard.drills.recover import heal_abandoned

    for line in asyncio.run(heal_abandoned(yard, by="`drill recover`")) or ["Nothing was left broken."]:
        typer.echo(line)
