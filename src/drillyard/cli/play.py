"""
`drill run`, `demo`: play an incident.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import selectors
import shutil
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from drillyard.base.errors import DrillyardError, SettingError
from drillyard.cli.invocation import as_typed
from drillyard.cli.options import DEFAULT_YARD, Json, YardName
from drillyard.cli.progress import starting
from drillyard.cli.stage import Stage
from drillyard.drills.recover import HEALER, heal_abandoned
from drillyard.drills.scene import DrillSettings
from drillyard.drills.session import Played, play_in_yard
from drillyard.faults.active import ActiveFaults
from drillyard.incidents import catalogue
from drillyard.incidents.schema import Incident
from drillyard.load.profiles import find_profile
from drillyard.record.verdicts import Outcome
from drillyard.yard import cluster_elsewhere
from drillyard.yard.home import YardFolder, yard_folder
from drillyard.yard.lifecycle import UpOptions, start_yard, stop_yard
from drillyard.yard.state import YardState

_COLOURS = {Outcome.KEPT: "green", Outcome.UNCLEAR: "yellow", Outcome.BROKEN: "red", Outcome.INVALID: "red"}


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    panel = "Drills"
    app.command(rich_help_panel=panel, context_settings={"allow_interspersed_args": True})(run)
    app.command(rich_help_panel=panel)(demo)


def run(
    incident: Annotated[
        str, typer.Argument(help="A name from `drill incidents`, incident-N, or an incident file of your own.")
    ],
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- COMMAND", help="Let this command in while the fault is on.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Repeat an earlier run's choices. Chosen and printed if left out.")
    ] = None,
    method: Annotated[
        str | None, typer.Option(metavar="LETTER", help="The documents' method, such as B with incident-3.")
    ] = None,
    orders: Annotated[int | None, typer.Option(min=1, max=1000, help="How many the shoppers place.")] = None,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Let a crowd come instead, by a load profile of `drill profiles`."),
    ] = None,
    duration: Annotated[
        float, typer.Option(min=0, max=86_400, metavar="SECONDS", help="Leave the fault on for at least so long.")
    ] = 0.0,
    hold: Annotated[bool, typer.Option("--hold", help="Wait for a person before healing.")] = False,
    hold_max: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="The longest wait for a person or command.")
    ] = 3600.0,
    yard: YardName = DEFAULT_YARD,
    json_output: Json = False,
) -> None:
    """
    Play an incident from baseline to report, and heal what it broke.

    Uses the yard if it is up; else starts one for this drill, and stops it afterwards. Exit codes: 0 kept, 1 broken,
    2 bad usage, 3 unclear, 70 invalid or not playable, 130 interrupted (and healed).
    """
    chosen = catalogue.find(incident, method)
    _check_load(chosen, orders, profile)
    settings = DrillSettings(
        seed=secrets.randbelow(1_000_000) if seed is None else seed,
        orders=orders,
        duration_s=duration,
        hold=hold,
        command=tuple(command or ()),
        hold_max_s=hold_max,
        profile=profile,
    )
    played = _played(chosen, settings, yard_folder(yard))
    if json_output:
        typer.echo(json.dumps(played.to_json()))
    else:
        _conclude(played)
    raise typer.Exit(played.exit_code)


def demo(yard: YardName = DEFAULT_YARD) -> None:
    """Play incident 5 from beginning to end: a shop that loses its queue consumer without a single error."""
    console = Console(stderr=True, highlight=False)
    console.print(Text("Drillyard: a real shop, broken on purpose.", style="bold"))
    console.print(
        "Eight services, four PostgreSQL, a Valkey and an AMQP broker start as processes of this machine; a bank "
        "beside them keeps the ledger. Then the only consumer of the shipping queue goes away, and nothing says so."
    )
    settings = DrillSettings(seed=secrets.randbelow(1_000_000))
    played = _played(catalogue.find("incident-5"), settings, yard_folder(yard))
    _conclude(played)
    raise typer.Exit(played.exit_code)


def _check_load(incident: Incident, orders: int | None, profile: str | None) -> None:
    load = incident.load
    if profile is not None:
        find_profile(profile)
        if load.alone:
            raise SettingError(f"{incident.name} needs its few visitors alone.", hint="Leave --profile out.")
    if orders is None:
        return
    if not load.orders and profile is None:
        raise SettingError(f"{incident.name} is about pages, not about orders.", hint="Leave --orders out.")
    if orders < load.least:
        raise SettingError(f"--orders is {orders}, and {incident.name} shows itself only from {load.least} on.")


def _check_guests(settings: DrillSettings) -> None:
    """Before anything is started or broken: can whoever is to be let in come?"""
    if settings.command and not shutil.which(settings.command[0]):
        raise SettingError(
            f'The command "{settings.command[0]}" was not found.', hint="Give a program on PATH, or its path."
        )
    if not settings.hold:
        return
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(sys.stdin, selectors.EVENT_READ)
    except (OSError, ValueError) as refused:
        raise SettingError("--hold waits for Enter, and there is no terminal to press it at.") from refused


def _played(incident: Incident, settings: DrillSettings, folder: YardFolder) -> Played:
    """A drill that cannot be played says nothing of the incident: exit code 70, and not that of a broken promise."""
    try:
        return _play(incident, settings, folder)
    except SettingError:
        raise
    except DrillyardError as problem:
        sys.stderr.write(f"{as_typed(str(problem))}\n")
        raise typer.Exit(Outcome.INVALID.exit_code) from problem


def _play(incident: Incident, settings: DrillSettings, folder: YardFolder) -> Played:
    _check_guests(settings)
    context = cluster_elsewhere.chosen()
    if context and (settings.hold or settings.command):
        raise SettingError(
            f"Nobody can be let into context {context}: drill makes no user with an investigator's rights there.",
            hint="Leave --hold and the command out, or play in a yard.",
        )
    was_up = context is not None or YardState.read(folder) is not None
    if was_up:
        _heal_first(folder)
    else:
        with starting(folder.name) as progress:
            start_yard(folder, UpOptions(healer=HEALER), progress)
    try:
        with Stage(f"Incident: {incident.title} ({incident.severity}), seed {settings.seed}", incident.brief) as stage:
            return asyncio.run(play_in_yard(incident, settings, folder.name, stage))
    finally:
        if not was_up:
            stop_yard(folder)


def _heal_first(folder: YardFolder) -> None:
    """Offers to heal what a killed drill left; where nobody can answer, it is done."""
    abandoned = ActiveFaults(folder.faults).abandoned()
    if not abandoned:
        return
    what = ", ".join(one.fault.describe() for one in abandoned)
    typer.echo(f"An earlier drill was stopped before it healed: {what}.", err=True)
    if sys.stdin.isatty() and not typer.confirm("Heal it now?", default=True, err=True):
        raise typer.Exit(1)
    for line in asyncio.run(heal_abandoned(folder.name, by="the next `drill run`")):
        typer.echo(line, err=True)


def _conclude(played: Played) -> None:
    console = Console(highlight=False)
    verdict = played.verdict
    console.print()
    console.print(Text(f" {verdict.outcome.name} ", style=f"bold reverse {_COLOURS[verdict.outcome]}"), verdict.reason)
    # Not wrapped: a path that is cut in two cannot be copied.
    console.print(f"  report:  {played.report}", soft_wrap=True)
    console.print(f"  record:  {played.record}", soft_wrap=True)
    console.print(f"  again:   {as_typed(f'`{played.command}`').strip('`')}", soft_wrap=True)
