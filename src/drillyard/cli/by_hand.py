"""
`drill inject`, `drill heal`: break and repair for a person who plays without a drill.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from drillyard.base.errors import SettingError
from drillyard.cli.options import DEFAULT_YARD, YardName
from drillyard.cli.play import find_incident
from drillyard.drills.by_hand import inject as put_in
from drillyard.drills.recover import heal_all
from drillyard.yard import cluster_elsewhere


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    panel = "Drills"
    app.command(rich_help_panel=panel)(inject)
    app.command(rich_help_panel=panel)(heal)


def inject(
    incident: Annotated[
        str, typer.Argument(help="A name from `drill incidents`, incident-N, or an incident file of your own.")
    ],
    method: Annotated[
        str | None, typer.Option(metavar="LETTER", help="The documents' method, such as B with incident-3.")
    ] = None,
    duration: Annotated[
        float, typer.Option(min=1, max=86_400, metavar="SECONDS", help="It heals by itself after so long.")
    ] = 300.0,
    after_load: Annotated[
        bool, typer.Option("--after-load", help="Put in what follows the orders, as with broker-restart.")
    ] = False,
    yard: YardName = DEFAULT_YARD,
) -> None:
    """
    Put an incident's faults in and leave them on, for a person who plays by hand.

    `drill heal` ends them; the yard ends them by itself when their time is over. `drill status` shows them.
    """
    if cluster_elsewhere.chosen():
        raise SettingError(
            "`drill inject` needs a yard: nothing in another cluster would heal it when its time is over.",
            hint="`drill --context NAME run INCIDENT` heals what it breaks.",
        )
    chosen = find_incident(incident, method)
    for line in asyncio.run(put_in(chosen, yard, duration_s=duration, after_load=after_load)):
        typer.echo(line)
    typer.echo(f"“{chosen.brief}”")
    if chosen.after_load and not after_load:
        typer.echo(f"When orders have been placed: drill inject {chosen.name} --after-load")
    typer.echo(f"It heals by itself after {duration:.0f} s, or with `drill heal`.")


def heal(yard: YardName = DEFAULT_YARD) -> None:
    """Heal whatever was put in by hand, or left broken by a drill that was killed."""
    for line in asyncio.run(heal_all(yard, by="`drill heal`")) or ["Nothing is broken on purpose."]:
        typer.echo(line)
