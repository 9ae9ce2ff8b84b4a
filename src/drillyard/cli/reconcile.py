"""
`drill reconcile`: orders, bank, queue and shipments side by side, and what is to be done about each order.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from drillyard.base.clock import SystemClock
from drillyard.base.files import write_atomically
from drillyard.cli.options import DEFAULT_YARD, Json, YardName
from drillyard.cli.tables import print_table
from drillyard.cli.terminal import plain
from drillyard.reconcile import OrderRow
from drillyard.reconcile.audit import Audit
from drillyard.reconcile.books import Fetched, fetch
from drillyard.reconcile.carry_out import Done, carry_out
from drillyard.reconcile.remedies import Action, Policy, Remedy, remedies
from drillyard.yard.yard import Yard, open_yard

_SHIPPED_MAX_S = 30.0
_COLOURS = {"fulfil": "green", "ship": "green", "refund": "yellow", "look": "bold red", "wait": "cyan"}


class Captured(StrEnum):
    """What becomes of a failed order whose money was captured."""

    FULFIL = "fulfil"
    REFUND = "refund"


@dataclass(frozen=True)
class Answer:
    """Everything that the command has to tell."""

    fetched: Fetched
    wanted: list[Remedy]
    done: list[Done]
    left: list[Remedy]
    folder: Path


def register(app: typer.Typer) -> None:
    """Adds this command."""
    app.command(rich_help_panel="Drills")(reconcile)


def reconcile(
    apply: Annotated[bool, typer.Option("--apply", help="Carry out what is proposed.")] = False,
    captured: Annotated[
        Captured, typer.Option(help="What becomes of a failed order whose money was captured.")
    ] = Captured.FULFIL,
    settle: Annotated[float, typer.Option(min=0, help="Leave orders younger than these seconds alone.")] = 15.0,
    csv_file: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write every order as CSV.")] = None,
    yard: YardName = DEFAULT_YARD,
    json_output: Json = False,
) -> None:
    """
    Set orders, bank, queue and shipments side by side, and propose what to do about each order that is not right.

    Captured and failed: mark it PAID and fulfil it, or refund. Not captured: tell the customer. Paid and on no queue:
    ship it. `--apply` carries it out, writes the letters, and keeps an audit; done twice, it does nothing twice. Exit
    code 1 while something is left to do.
    """
    answer = asyncio.run(_reconcile(yard, apply, Action(captured.value), settle))
    if csv_file is not None:
        write_atomically(csv_file, _csv(answer))
    if json_output:
        typer.echo(json.dumps(_to_json(answer), indent=1))
    else:
        _show(Console(highlight=False, markup=False), answer, apply)
    raise typer.Exit(1 if answer.left else 0)


async def _reconcile(name: str, apply: bool, captured: Action, settle_s: float) -> Answer:
    async with open_yard(name) as yard:
        folder = yard.folder.home / "reconciliations" / _begun(yard)
        audit = Audit(folder / "audit.jsonl", SystemClock())
        policy = Policy(now=yard.clock.now(), captured=captured, settle_s=settle_s)
        fetched, wanted = await _look(yard, policy, audit)
        if not apply or not wanted:
            return Answer(fetched, wanted, [], wanted, folder)
        done = await carry_out(yard, wanted, fetched.orders, audit, folder / "letters")
        await _wait_until_shipped(yard, done)
        fetched, left = await _look(yard, replace(policy, now=yard.clock.now()), audit)
        return Answer(fetched, wanted, done, left, folder)


async def _look(yard: Yard, policy: Policy, audit: Audit) -> tuple[Fetched, list[Remedy]]:
    fetched = await fetch(yard)
    policy = replace(policy, queued=fetched.queued, limit_cents=fetched.limit_cents, told=audit.told())
    return fetched, remedies(fetched.found, fetched.orders, fetched.charges, policy)


async def _wait_until_shipped(yard: Yard, done: list[Done]) -> None:
    """Fulfilled is what arrived: the orders handed to shipping are watched until they are SHIPPED and logged so."""
    waiting = {str(one.remedy.order_id) for one in done if one.outcome == "done" and one.remedy.action in _SHIPPED_BY}
    deadline_s = yard.clock.monotonic_s() + _SHIPPED_MAX_S
    while waiting and yard.clock.monotonic_s() < deadline_s:
        rows = {row.order_id: row for row in (await fetch(yard)).found.rows}
        waiting = {one for one in waiting if rows[one].order_status != "SHIPPED" or not rows[one].processed}
        if waiting:
            await yard.clock.sleep(0.3)


_SHIPPED_BY = (Action.FULFIL, Action.SHIP)


def _begun(yard: Yard) -> str:
    """The folder's name: a yard that is made anew has new books."""
    return f"{yard.folder.name}-{re.sub(r'[^0-9]', '', str(yard.state.control_plane.started))}"


def _to_json(answer: Answer) -> dict[str, Any]:
    return {
        **answer.fetched.found.to_json(),
        "queued": answer.fetched.queued,
        "proposed": [remedy.to_json() for remedy in answer.wanted],
        "done": [{**one.remedy.to_json(), "outcome": one.outcome, "text": one.text} for one in answer.done],
        "left": [remedy.to_json() for remedy in answer.left],
        "folder": str(answer.folder),
    }


def _csv(answer: Answer) -> str:
    proposed = {remedy.order_id: remedy for remedy in answer.wanted}
    outcomes = {one.remedy.order_id: one.outcome for one in answer.done}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [name for name in OrderRow.__dataclass_fields__ if not name.startswith("shopper")]
    writer.writerow([*names, "case", "action", "outcome"])
    for row in answer.fetched.found.rows:
        remedy = proposed.get(row.order_id)
        values = {**vars(row), "order_class": row.order_class.value}
        more = [remedy.case if remedy else "", remedy.action.value if remedy else "", outcomes.get(row.order_id, "")]
        writer.writerow([*("" if values[name] is None else values[name] for name in names), *more])
    return text.getvalue()


def _show(console: Console, answer: Answer, applied: bool) -> None:
    totals = answer.fetched.found.totals
    console.print(answer.fetched.found.summary())
    console.print(
        f"paid {totals.paid_cents / 100:.2f} · charged {(totals.charged_cents or 0) / 100:.2f} · "
        f"refunded {(totals.refunded_cents or 0) / 100:.2f} · {answer.fetched.queued} message(s) in the queue"
    )
    if answer.wanted:
        outcomes = {id(one.remedy): one for one in answer.done}
        table = Table(box=box.SIMPLE, padding=(0, 1))
        for column in ("ORDER", "CASE", "ACTION", "MONEY", "WHY" if not applied else "OUTCOME"):
            whole = column in ("ORDER", "CASE", "ACTION")
            table.add_column(column, justify="right" if column == "MONEY" else "left", no_wrap=whole, overflow="fold")
        for remedy in answer.wanted:
            done = outcomes.get(id(remedy))
            text = remedy.text if done is None else f"{done.outcome}: {done.text}"
            action = Text(remedy.action.value, style=_COLOURS.get(remedy.action.value, ""))
            table.add_row(remedy.order_id or "–", remedy.case, action, f"{remedy.cents / 100:.2f}", plain(text))
        print_table(table)
    if not answer.wanted:
        console.print("Nothing is to be done.")
    elif not applied:
        console.print("Proposed, nothing done. `drill reconcile --apply` carries it out.")
    else:
        console.print(f"{len(answer.left)} left to do. Letters and audit: {answer.folder}", soft_wrap=True)
