"""
`drill inject`: break something for a person who plays without a drill; `drill heal` is in `healing`.
"""

from __future__ import annotations

import asyncio
import difflib
from typing import Annotated, Any

import typer
import yaml

from drillyard.base.errors import SettingError
from drillyard.cli.options import DEFAULT_YARD, YardName
from drillyard.drills.by_hand import chosen_faults, graded
from drillyard.drills.by_hand import inject as put_in
from drillyard.faults.registry import FAULTS, build
from drillyard.incidents import catalogue
from drillyard.incidents.schema import Incident
from drillyard.yard import cluster_elsewhere


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command(rich_help_panel="Drills")(inject)


def inject(
    what: Annotated[
        str,
        typer.Argument(help="A name from `drill incidents` or `drill faults`, incident-N, or an incident file."),
    ],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="The keys of a fault, as `drill faults` lists.")
    ] = None,
    method: Annotated[
        str | None, typer.Option(metavar="LETTER", help="The documents' method, such as B with incident-3.")
    ] = None,
    strength: Annotated[
        float | None, typer.Option(min=0.1, max=100, metavar="PERCENT", help="Strike so many of the requests.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Which of them; with --strength.")] = None,
    after: Annotated[float, typer.Option(min=0, max=86_400, metavar="SECONDS", help="Wait so long before.")] = 0.0,
    duration: Annotated[
        float, typer.Option(min=1, max=86_400, metavar="SECONDS", help="It heals by itself after so long.")
    ] = 300.0,
    after_load: Annotated[
        bool, typer.Option("--after-load", help="Put in what follows the orders, as with broker-restart.")
    ] = False,
    yard: YardName = DEFAULT_YARD,
) -> None:
    """
    Put an incident's faults, or a single fault, in and leave them on, for a person who plays by hand.

    `drill inject set_env name=shipping values='{PUBLISHER_CONFIRMS: "false"}'`. `drill heal` ends them; the yard ends
    them by itself when their time is over. `drill status` shows them.
    """
    if cluster_elsewhere.chosen():
        raise SettingError(
            "`drill inject` needs a yard: nothing in another cluster would heal it when its time is over.",
            hint="`drill --context NAME run INCIDENT` heals what it breaks.",
        )
    incident = None if what in FAULTS else _incident(what, method)
    if incident is None:
        faults = [build(what, _values(values or []))]
    elif values:
        raise SettingError(f"{what} is an incident; only a single fault takes {values[0]!r}.")
    else:
        faults = chosen_faults(incident, after_load=after_load)
    share = None if strength is None else strength / 100
    chosen = [graded(fault, share=share, seed=seed) for fault in faults]
    for line in asyncio.run(put_in(chosen, yard, duration_s=duration, wait_s=after)):
        typer.echo(line)
    if incident is not None:
        typer.echo(f"“{incident.brief}”")
        if incident.after_load and not after_load:
            typer.echo(f"When orders have been placed: drill inject {incident.name} --after-load")
    typer.echo(f"It heals by itself after {duration:.0f} s, or with `drill heal`.")


def _incident(name: str, method: str | None) -> Incident:
    """Raises SettingError; where a fault's name is nearest, with that."""
    try:
        return catalogue.find(name, method)
    except catalogue.IncidentFileError:
        raise
    except SettingError as unknown:
        near = difflib.get_close_matches(name, FAULTS, n=1)
        if not near:
            raise
        raise SettingError(
            f'No incident and no fault is called "{name}".',
            hint=f"Did you mean {near[0]}? `drill faults` shows all {len(FAULTS)}.",
        ) from unknown


def _values(given: list[str]) -> dict[str, Any]:
    """`KEY=VALUE`, the values as YAML. Raises SettingError."""
    found: dict[str, Any] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals:
            raise SettingError(f"{one!r} is not KEY=VALUE.")
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError as problem:
            raise SettingError(f"{key} is {value!r}: {getattr(problem, 'problem', None) or 'not YAML'}.") from problem
    return found
