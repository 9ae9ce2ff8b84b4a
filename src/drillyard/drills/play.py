"""
Plays an incident: baseline → inject → load → observe → (hold) → heal → verify, and a verdict at the end of every way
through it.

The promise is about the end: whatever happens in between (a step that fails, Ctrl-C, a deadline), what was broken is
healed and the record is finished. Only a kill of this process escapes that; then the list of active faults in the
yard's folder says what the next command has to heal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from drillyard.base.errors import DrillyardError
from drillyard.cluster.client import ApiError
from drillyard.drills import (
    baseline,
    desired_state,
    expectations,
    order_book,
    queries,
    screenshot,
    signals,
    snapshots,
    views,
)
from drillyard.drills.investigator import let_in
from drillyard.drills.scene import Scene
from drillyard.faults.active import ActiveFaults, wait_for
from drillyard.faults.fault import Fault, to_json
from drillyard.incidents.catalogue import faults_of
from drillyard.load.shopping import Habits, place_orders
from drillyard.reconcile.reconciliation import Reconciliation, reconcile
from drillyard.record.plain import plain
from drillyard.record.verdicts import Check, Outcome, Verdict

_PROOF_S = 15.0
_HEAL_S = 60.0
_SAMPLE_S = 0.25
_ERRORS_EVERY_S = 2.0
_ERROR_LOGS = "kube_namespace:sock-shop status:error"


class DrillInvalid(Exception):
    """The yard was not in order, or the fault did not take: nothing can be said of the incident."""


async def play(scene: Scene) -> Verdict:
    """
    One drill, from first look to verdict, which is also written into the record.

    Raises asyncio.CancelledError when interrupted, after everything was healed and the record was finished.
    """
    active = ActiveFaults(scene.yard.folder.faults, scene.clock)
    interrupted: BaseException | None = None
    invalid: str | None = None
    async with _sampling(scene):
        try:
            before = await _prepare(scene, active)
            await _inject(scene, active, faults_of(scene.incident.faults), "Something breaks.")
            await _load(scene)
            if scene.incident.after_load:
                await _inject(scene, active, faults_of(scene.incident.after_load), "Now something else breaks.")
            await _observe(scene)
            await _last(scene)
            await _hold(scene)
        except DrillInvalid as reason:
            invalid = str(reason)
        except (DrillyardError, ApiError) as problem:
            invalid = " ".join(str(problem).split())
        except (asyncio.CancelledError, KeyboardInterrupt) as stop:
            interrupted = stop
        healed = await _heal(scene, active)
        if invalid is None and interrupted is None and healed:
            try:
                await _verify(scene, before)
            except (DrillyardError, ApiError) as problem:
                invalid = " ".join(str(problem).split())
            except (asyncio.CancelledError, KeyboardInterrupt) as stop:
                interrupted = stop
    verdict = _verdict(scene, invalid, interrupted, healed)
    scene.record.finish(verdict)
    if interrupted is not None:
        raise interrupted
    return verdict


def _verdict(scene: Scene, invalid: str | None, interrupted: BaseException | None, healed: bool) -> Verdict:
    checks = scene.record.checks
    if not healed:
        return Verdict(Outcome.INVALID, "The fault could not be healed; `drill recover` tries again.", checks)
    if invalid is not None:
        return Verdict(Outcome.INVALID, invalid, checks)
    if interrupted is not None:
        return Verdict(Outcome.UNCLEAR, "The drill was interrupted; what was broken has been healed.", checks)
    return Verdict.of(checks)


async def _prepare(scene: Scene, active: ActiveFaults) -> dict[str, Any]:
    scene.record.phase("baseline")
    scene.audience.phase("baseline", "Is the shop whole, and can it be seen?")
    for one in active.all():
        raise DrillInvalid(f"Something is broken on purpose already: {one.fault.describe()}; `drill heal` mends it.")
    for check in await baseline.look(scene):
        scene.note(check)
        if check.outcome is not Outcome.KEPT:
            raise DrillInvalid(f"The baseline does not hold: {check.claim}: {check.seen}.")
    scene.restarts_before = await order_book.restarts(scene)
    scene.views_before = await views.baseline(scene, scene.incident.load.views)
    await snapshots.take(scene, "before")
    await snapshots.keep_rule(scene)
    return await desired_state.snapshot(scene.yard.api)


async def _inject(scene: Scene, active: ActiveFaults, faults: list[Fault], text: str) -> None:
    scene.record.phase("inject")
    scene.audience.phase("inject", text if faults else "Nothing breaks: the defect is in the shop already.")
    until = scene.clock.now() + timedelta(seconds=scene.settings.hold_max_s + scene.settings.duration_s + 600)
    for fault in faults:
        prepared = await active.put_in(fault, scene.yard, until, record=scene.record.path)
        scene.record.note("fault", f"put in: {prepared.describe()}", fault=to_json(prepared))
        proof = await wait_for(prepared.is_on, scene.yard, scene.clock, _PROOF_S)
        check = Check(
            "fault-is-on",
            Outcome.KEPT if proof.holds else Outcome.INVALID,
            f"The fault is on: {prepared.describe()}",
            "its effect is seen",
            proof.seen,
        )
        scene.note(check)
        if not proof.holds:
            raise DrillInvalid(f"The fault was never on ({prepared.describe()}): {proof.seen}.")
    # The window of a fault that follows the orders began with the first one.
    scene.fault_on_at = scene.fault_on_at or scene.clock.now()


async def _load(scene: Scene) -> None:
    scene.record.phase("load")
    scene.audience.phase("load", _coming(scene))

    def placed(_: object) -> None:
        row = scene.ledger.rows[-1]
        cents = row.total_cents or 0
        scene.audience.numbers(orders=float(len(scene.ledger)), failed=float(len(scene.ledger) - scene.placed))
        answer = f"{row.http_status or row.error} {row.status_seen or ''}".strip()
        text = f"order {row.order_id or '(none)'}: {answer}, {cents / 100:.2f}"
        scene.record.note("order", text, **plain(row))
        scene.audience.say(text)

    load = scene.incident.load
    try:
        await place_orders(
            scene.yard.url("front-end"),
            scene.orders,
            scene.settings.seed,
            scene.clock,
            on_order=placed,
            concurrency=load.shoppers,
            habits=Habits(double_click=load.double_click),
            ledger=scene.ledger,
            transport=scene.transport,
        )
    finally:
        scene.record.ledger("shoppers", [plain(row) for row in scene.ledger])
    if load.views:
        scene.views = await views.measure(scene, load.views)
        measured = {"before": scene.views_before, "while_on": scene.views}
        scene.record.evidence("views", {when: [plain(view) for view in seen] for when, seen in measured.items()})


def _coming(scene: Scene) -> str:
    load = scene.incident.load
    orders = f"Shoppers place {scene.orders} order(s)" + (", and click twice" if load.double_click else "")
    pages = f"visitors look at {load.views} page(s) of the catalogue"
    if not load.views:
        return f"{orders}."
    return f"{orders}, then {pages}." if scene.orders else f"{pages.capitalize()}."


async def _observe(scene: Scene) -> None:
    scene.record.phase("observe")
    scene.audience.phase("observe", "What can be seen of it, and what cannot?")
    if scene.incident.searchable:
        await baseline.wait_until_searchable(scene)
    for expectation in scene.incident.while_on:
        scene.note(await expectations.check(scene, expectation, phase="while-on"))
    await queries.run_all(scene)
    await snapshots.take(scene, "during")
    scene.record.evidence("searches", scene.searches)
    await screenshot.take(scene, "shop-during")


async def _last(scene: Scene) -> None:
    """Leaves the fault on until its time is over."""
    assert scene.fault_on_at is not None, "inject comes first"
    until = scene.fault_on_at + timedelta(seconds=scene.settings.duration_s)
    if scene.clock.now() >= until:
        return
    scene.record.phase("last")
    scene.audience.phase("last", f"The fault stays on for {scene.settings.duration_s:g} s altogether.")
    while (left_s := (until - scene.clock.now()).total_seconds()) > 0:
        scene.audience.numbers(heals_in_s=left_s)
        await scene.clock.sleep(min(left_s, 1.0))
    scene.audience.numbers(heals_in_s=None)


async def _hold(scene: Scene) -> None:
    if not scene.settings.hold and not scene.settings.command:
        return
    scene.record.phase("hold")
    scene.audience.phase("hold", "An investigator is let in.")
    before = await desired_state.snapshot(scene.yard.api)
    scene.touched = True
    try:
        await let_in(scene)
    finally:
        changes = desired_state.differences(before, await desired_state.snapshot(scene.yard.api))
        scene.record.evidence("investigator-changes", changes)
        for change in changes or ["nothing in the desired state was changed"]:
            scene.say(f"while the investigator was in: {change}")


async def _heal(scene: Scene, active: ActiveFaults) -> bool:
    """Heals all that is on the list, whatever else happens; a second Ctrl-C does not stop it."""
    scene.record.phase("heal")
    scene.audience.phase("heal", "It is repaired.")
    healing = asyncio.ensure_future(_heal_all(scene, active))
    while not healing.done():
        try:
            await asyncio.shield(healing)
        except asyncio.CancelledError:
            scene.audience.say("Still healing; this takes a moment.")
        except Exception:
            break
    problem = healing.exception()
    if problem is not None:
        scene.note(Check("healed", Outcome.INVALID, "The fault is healed", "its effect is gone", str(problem)))
        return False
    return healing.result()


async def _heal_all(scene: Scene, active: ActiveFaults) -> bool:
    healed = True
    for one in reversed(active.all()):
        if one.owner.pid != os.getpid():
            continue
        proof = await active.heal(one.fault, scene.yard, timeout_s=_HEAL_S)
        healed = healed and proof.holds
        outcome = Outcome.KEPT if proof.holds else Outcome.INVALID
        scene.note(Check("healed", outcome, f"Healed: {one.fault.describe()}", "its effect is gone", proof.seen))
    return healed


async def _verify(scene: Scene, before: dict[str, Any]) -> None:
    scene.record.phase("verify")
    scene.audience.phase("verify", "Is every order and every cent accounted for?")
    for expectation in scene.incident.recovered:
        scene.note(await expectations.check(scene, expectation, phase="recovered"))
    await _account(scene)
    await snapshots.take(scene, "after")
    scene.record.evidence("searches", scene.searches)
    await signals.keep(scene)
    changes = desired_state.differences(before, await desired_state.snapshot(scene.yard.api))
    scene.note(
        Check(
            "desired-state",
            Outcome.KEPT if not changes else Outcome.BROKEN,
            "Nothing else was changed in the shop",
            "the desired state as before",
            "; ".join(changes) or "no difference",
        )
    )


async def _account(scene: Scene) -> None:
    """Compares what everybody says; the last log line may still be on its way, so a disagreement is looked at again."""
    last: list[tuple[Reconciliation, int]] = []

    counts = {kind.value: scene.number(count) for kind, count in scene.incident.disagreements.items()}
    wanted = +Counter(counts)
    scene.record.evidence("expected-disagreements", dict(wanted))

    async def look() -> expectations.Seen:
        result, count = await _compare(scene)
        last[:] = [(result, count)]
        return Counter(one.order_class.value for one in result.disagreements) == wanted, result.summary()

    kept, seen = await expectations.patiently(scene, look)
    result, count = last[0]
    scene.record.evidence("reconciliation", result.to_json())
    for one in result.disagreements if wanted else ():
        scene.say(f"{one.order_class.value}: order {one.order_id}: {one.text}")
    expected = ", ".join(f"{number} × {name}" for name, number in wanted.items())
    claim = "Shoppers, orders, bank and queue-master agree on every order and every cent"
    scene.note(
        Check(
            "reconciliation",
            Outcome.KEPT if kept else Outcome.BROKEN,
            "The reconciliation finds exactly what this incident leaves behind" if wanted else claim,
            f"{expected}, and nothing else" if wanted else f"{count} order(s) agreed",
            str(seen),
        )
    )


async def _compare(scene: Scene) -> tuple[Reconciliation, int]:
    """For every order and charge since the drill began: the comparison, and how many orders it is about."""
    stored = await scene.yard.orders()
    rows = order_book.attributed(scene, stored)
    asked = {row["order_id"] for row in rows if row["order_id"]}
    orders = [one for one in stored if one["id"] in asked or _since(one["date"]) >= scene.started_at]
    known = asked | {one["id"] for one in orders}
    began_s = int(scene.started_at.timestamp())
    charges = [
        one
        for one in await scene.yard.bank.charges()
        if one["metadata"].get("order_id") in known or one["created"] > began_s
    ]
    ids = {charge["id"] for charge in charges}
    refunds = [one for one in await scene.yard.bank.refunds() if one["charge"] in ids]
    processed = await expectations.processed_per_order(scene, known)
    scene.record.ledger("orders", orders)
    scene.record.ledger("charges", charges)
    return reconcile(rows, orders, charges, refunds, processed), len(known)


def _since(date: str) -> datetime:
    """An order's own date, `2025-10-28T10:04:42.603+0000`."""
    return datetime.strptime(date, "%Y-%m-%dT%H:%M:%S.%f%z")


async def _errors(scene: Scene) -> float | None:
    """How many error logs an on-call would find by now."""
    try:
        found = await scene.yard.datadog.count(_ERROR_LOGS, scene.started_at, scene.clock.now())
    except DrillyardError:
        return None
    return float(found)


@contextlib.asynccontextmanager
async def _sampling(scene: Scene) -> AsyncIterator[None]:
    """Measures queue depth and consumers while the drill runs; what cannot be measured is noted as a gap."""

    async def sample() -> None:
        names = {e.queue.queue for e in (*scene.incident.while_on, *scene.incident.recovered) if e.queue} or {
            "shipping-task"
        }
        name = sorted(names)[0]
        while True:
            depth: float | None = None
            consumers: float | None = None
            with contextlib.suppress(DrillyardError):
                view = await scene.yard.broker.queue(name)
                depth, consumers = float(view.messages), float(view.consumers)
            scene.record.sample("queue_depth", depth)
            scene.record.sample("consumers", consumers)
            scene.audience.numbers(queue_depth=depth, consumers=consumers)
            await scene.clock.sleep(_SAMPLE_S)

    async def count_errors() -> None:
        # Only for who watches: where the telemetry is Datadog's own, searches are rationed.
        while scene.audience.live:
            scene.audience.numbers(errors=await _errors(scene))
            await scene.clock.sleep(_ERRORS_EVERY_S)

    tasks = [asyncio.ensure_future(sample()), asyncio.ensure_future(count_errors())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
