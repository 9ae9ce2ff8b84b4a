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
import sys
import traceback
from datetime import timedelta
from typing import Any

from drillyard.base.errors import DrillyardError
from drillyard.cluster.client import ApiError
from drillyard.drills import (
    baseline,
    crowd,
    desired_state,
    double_click,
    expectations,
    order_book,
    queries,
    screenshot,
    signals,
    snapshots,
    views,
)
from drillyard.drills.accounting import account
from drillyard.drills.investigator import let_in
from drillyard.drills.sampling import sampling
from drillyard.drills.scene import Scene
from drillyard.drills.yard_watch import watching
from drillyard.faults.active import ActiveFaults, wait_for
from drillyard.faults.fault import Fault, to_json
from drillyard.incidents.catalogue import faults_of
from drillyard.load.ledger import Attempt
from drillyard.load.shopping import Habits, place_orders
from drillyard.record.plain import plain
from drillyard.record.verdicts import Check, Outcome, Verdict

_PROOF_S = 15.0
_HEAL_S = 60.0


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
    async with sampling(scene), watching(scene) as watch:
        try:
            before = await _prepare(scene, active)
            await _inject(scene, active, faults_of(scene.incident.faults), "Something breaks.")
            await _use_and_observe(scene, active)
            await _hold(scene)
        except DrillInvalid as reason:
            invalid = str(reason)
        except (DrillyardError, ApiError) as problem:
            invalid = " ".join(str(problem).split())
        except (asyncio.CancelledError, KeyboardInterrupt) as stop:
            interrupted = stop
        except Exception:
            invalid = _own_failure(scene)
        healed, stop_meanwhile = await _heal(scene, active)
        interrupted = interrupted or stop_meanwhile
        if invalid is None and interrupted is None and healed and not watch.gone:
            try:
                await _verify(scene, before)
            except (DrillyardError, ApiError) as problem:
                invalid = " ".join(str(problem).split())
            except (asyncio.CancelledError, KeyboardInterrupt) as stop:
                interrupted = stop
            except Exception:
                invalid = _own_failure(scene)
    if watch.gone or scene.yard.gone():
        # What was broken went with it, and whatever failed on the way failed because of it.
        healed, interrupted = True, None
        invalid = f"Yard {scene.yard.state.name} went down while the drill was played in it."
    verdict = _verdict(scene, invalid, interrupted, healed)
    scene.record.finish(verdict)
    if interrupted is not None:
        raise interrupted
    return verdict


def _own_failure(scene: Scene) -> str:
    """A mistake of Drillyard's own, in a sentence; its traceback goes into the record. The yard is healed as ever."""
    kind, error, _ = sys.exc_info()
    with contextlib.suppress(DrillyardError):
        scene.record.evidence("own-failure", traceback.format_exc())
    return f"Drillyard itself failed ({kind.__name__ if kind else 'unknown'}: {error}); see evidence/own-failure.txt."


def _verdict(scene: Scene, invalid: str | None, interrupted: BaseException | None, healed: bool) -> Verdict:
    checks = scene.record.checks
    if not healed:
        return Verdict(Outcome.INVALID, "The fault could not be healed; `drill recover` tries again.", checks)
    if invalid is not None:
        return Verdict(Outcome.INVALID, invalid, checks)
    if interrupted is not None:
        return Verdict(Outcome.UNCLEAR, "The drill was interrupted; nothing is left broken.", checks)
    return Verdict.of(checks)


async def _prepare(scene: Scene, active: ActiveFaults) -> dict[str, Any]:
    scene.record.phase("baseline")
    scene.audience.phase("baseline", "Is the shop whole, and can it be seen?")
    for one in active.all():
        raise DrillInvalid(f"Something is broken on purpose already: {one.fault.describe()}; `drill heal` mends it.")
    checks = await baseline.look(scene)
    if scene.profile and checks[-1].outcome is Outcome.KEPT:
        checks.append(await crowd.rehearse(scene))
    for check in checks:
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
            f"The fault is on: “{prepared.describe()}”",
            "its effect is seen",
            proof.seen,
        )
        _demand(scene, check)
    # The window of a fault that follows the orders began with the first one.
    scene.fault_on_at = scene.fault_on_at or scene.clock.now()


def _demand(scene: Scene, is_on: Check) -> None:
    """Notes the proof that a fault is on; without one nothing that follows would mean anything."""
    scene.note(is_on)
    if is_on.outcome is not Outcome.KEPT:
        what = is_on.claim.removeprefix("The fault is on: ")
        raise DrillInvalid(f"The fault was never on ({what}): {is_on.seen}.")


async def _use_and_observe(scene: Scene, active: ActiveFaults) -> None:
    measured = bool(scene.incident.load.views)
    async with contextlib.AsyncExitStack() as picture:
        if not measured:
            await picture.enter_async_context(screenshot.beside(scene, "shop-during"))
        await _load(scene)
        if scene.incident.after_load:
            await _inject(scene, active, faults_of(scene.incident.after_load), "Now something else breaks.")
        if measured:  # A browser would make slower what is being timed.
            await picture.enter_async_context(screenshot.beside(scene, "shop-during"))
        await _observe(scene)
        await _last(scene)


async def _load(scene: Scene) -> None:
    scene.record.phase("load")
    scene.audience.phase("load", _coming(scene))

    def placed(_: object) -> None:
        row = scene.ledger.rows[-1]
        scene.audience.numbers(orders=float(len(scene.ledger)), failed=float(len(scene.ledger) - scene.placed))
        text = _told(row)
        scene.record.note("order", text, **plain(row))
        scene.audience.say(text)

    load = scene.incident.load
    scene.ledger.on_row = placed
    try:
        await (crowd.come(scene) if scene.profile else _shop(scene))
    finally:
        scene.record.ledger("shoppers", [plain(row) for row in scene.ledger])
    if scene.profile and scene.attempts < load.least * bool(load.orders):
        raise DrillInvalid(f"The crowd tried {scene.attempts} order(s); this shows itself only from {load.least} on.")
    if load.double_click:
        _demand(scene, await double_click.proof(scene))
    if load.views:
        scene.views = await views.measure(scene, load.views)
        measured = {"before": scene.views_before, "while_on": scene.views}
        scene.record.evidence("views", {when: [plain(view) for view in seen] for when, seen in measured.items()})


def _told(row: Attempt) -> str:
    """What a customer tried and was told."""
    which = f"order {row.order_id}" if row.order_id else f"attempt {row.number} to order"
    cents = row.total_cents if row.total_cents is not None else row.expected_cents
    amount = "" if cents is None else f" (${cents / 100:.2f})"
    answer = f"{row.http_status} {row.status_seen or ''}".strip() if row.outcome.accepted else row.error
    return f"{which}{amount}: {answer}"


async def _shop(scene: Scene) -> None:
    load = scene.incident.load
    await place_orders(
        scene.yard.url("front-end"),
        scene.orders,
        scene.settings.seed,
        scene.clock,
        concurrency=load.shoppers,
        habits=Habits(double_click=load.double_click),
        ledger=scene.ledger,
        transport=scene.transport,
    )


def _coming(scene: Scene) -> str:
    load = scene.incident.load
    if scene.profile:
        return f"A crowd comes, by the load profile {scene.settings.profile}: {scene.profile}."
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


async def _heal(scene: Scene, active: ActiveFaults) -> tuple[bool, BaseException | None]:
    """
    Heals all that is on the list, whatever else happens; a Ctrl-C does not stop it.

    Whether all is healed, and the interruption that came meanwhile and is to be heard afterwards.
    """
    stop: BaseException | None = None
    with contextlib.suppress(DrillyardError):  # A record that cannot be written keeps nobody from healing.
        scene.record.phase("heal")
    scene.audience.phase("heal", "It is repaired.")
    healing = asyncio.ensure_future(_heal_all(scene, active))
    while not healing.done():
        try:
            await asyncio.shield(healing)
        except asyncio.CancelledError as cancelled:
            stop = cancelled
            scene.audience.say("Still healing; this takes a moment.")
        except Exception:
            break
    problem = healing.exception()
    if problem is not None:
        scene.note(Check("healed", Outcome.INVALID, "The fault is healed", "its effect is gone", str(problem)))
        return False, stop
    return healing.result(), stop


async def _heal_all(scene: Scene, active: ActiveFaults) -> bool:
    mine = [one.fault for one in active.all() if one.owner.pid == os.getpid()]
    healed = await active.heal(mine, scene.yard, timeout_s=_HEAL_S)
    for fault, proof in healed:
        outcome = Outcome.KEPT if proof.holds else Outcome.INVALID
        claim = f"The fault is over: “{fault.describe()}”"
        scene.note(Check("healed", outcome, claim, "its effect is gone", proof.seen))
    return all(proof.holds for _, proof in healed)


async def _verify(scene: Scene, before: dict[str, Any]) -> None:
    scene.record.phase("verify")
    scene.audience.phase("verify", "Is every order and every cent accounted for?")
    for expectation in scene.incident.recovered:
        scene.note(await expectations.check(scene, expectation, phase="recovered"))
    await account(scene)
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
