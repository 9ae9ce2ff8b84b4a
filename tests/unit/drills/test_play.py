"""A drill keeps its promise only if every point was observed; whatever goes wrong, what was broken is healed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.base.errors import DrillyardError
from drillyard.drills import queries
from drillyard.drills.play import play
from drillyard.drills.scene import Scene
from drillyard.incidents.schema import Incident
from drillyard.record.reader import Record
from drillyard.record.verdicts import Outcome, Verdict

Make = Callable[..., Scene]


async def played(scene: Scene, clock: VirtualClock) -> Verdict:
    task = asyncio.ensure_future(play(scene))
    end = clock.monotonic_s() + 400
    while not task.done():
        assert clock.monotonic_s() < end, "the drill did not end"
        await clock.advance(0.05)
    return await task


def check_named(verdict: Verdict, name: str) -> Any:
    return next(check for check in verdict.checks if check.name == name)


async def test_a_drill_in_which_everything_was_observed_is_kept(make_scene: Make, clock: VirtualClock) -> None:
    scene = make_scene()

    verdict = await played(scene, clock)

    assert [(check.name, check.seen) for check in verdict.checks if check.outcome is not Outcome.KEPT] == []
    assert verdict.outcome is Outcome.KEPT
    assert scene.audience.phases == ["baseline", "inject", "load", "observe", "heal", "verify"]  # type: ignore[attr-defined]
    assert scene.placed == 5
    assert Record.open(scene.record.path).verdict == verdict


async def test_a_queue_that_does_not_drain_breaks_the_promise(make_scene: Make, yard: Any, clock: VirtualClock) -> None:
    scene = make_scene()
    scene.audience.phase = lambda name, text: setattr(yard, "stuck_messages", int(name == "verify"))  # type: ignore[method-assign]

    verdict = await played(scene, clock)

    assert verdict.outcome is Outcome.BROKEN
    assert check_named(verdict, "recovered-queue").seen == "1 message(s), 1 consumer(s)"


async def test_an_order_that_is_shipped_twice_breaks_the_promise(
    make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    yard.consumer_works_twice = True

    verdict = await played(make_scene(), clock)

    assert verdict.outcome is Outcome.BROKEN
    assert check_named(verdict, "recovered-shipped-once").outcome is Outcome.BROKEN


async def test_an_order_that_was_answered_but_not_stored_breaks_the_promise(
    make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    scene = make_scene()
    scene.audience.phase = lambda name, text: setattr(yard, "lost_orders", int(name == "load"))  # type: ignore[method-assign]

    verdict = await played(scene, clock)

    assert verdict.outcome is Outcome.BROKEN
    assert "charged_not_ordered" in check_named(verdict, "reconciliation").seen


async def test_a_warning_in_a_log_breaks_the_silence_that_the_incident_promises(
    make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    yard.warn_line = True

    verdict = await played(make_scene(), clock)

    assert verdict.outcome is Outcome.BROKEN
    assert "WARN" in check_named(verdict, "while-on-no-logs-no-spring-service-says-warn-or-error").seen


async def test_a_fault_that_has_no_effect_makes_the_drill_invalid(
    make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    scene = make_scene()
    yard.scaling_works = False

    verdict = await played(scene, clock)

    assert verdict.outcome is Outcome.INVALID
    assert "was never on" in verdict.reason
    assert len(scene.ledger) == 0


async def test_a_yard_that_is_not_whole_makes_the_drill_invalid(
    make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    yard.consumers = 0

    verdict = await played(make_scene(), clock)

    assert verdict.outcome is Outcome.INVALID
    assert "baseline" in verdict.reason


async def test_an_incident_with_the_fault_nothing_ends_invalid(make_scene: Make, clock: VirtualClock) -> None:
    scene = make_scene()
    data = scene.incident.model_dump(exclude_none=True)
    scene.incident = Incident.model_validate({**data, "faults": [{"nothing": None}]})

    verdict = await played(scene, clock)

    assert verdict.outcome is Outcome.INVALID


async def test_an_interrupted_drill_heals_and_finishes_its_record(
    make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    scene = make_scene()
    task = asyncio.ensure_future(play(scene))
    scene.audience.phase = lambda name, text: task.cancel() if name == "load" else None  # type: ignore[method-assign,func-returns-value]

    for _ in range(2000):
        if task.done():
            break
        await clock.advance(0.05)

    with pytest.raises(asyncio.CancelledError):
        await task
    assert yard.replicas == 1
    assert not yard.folder.faults.exists()
    verdict = Record.open(scene.record.path).verdict
    assert verdict is not None
    assert verdict.outcome is Outcome.UNCLEAR


async def test_what_is_broken_is_on_the_list_while_it_is_broken(
    make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    scene = make_scene()
    listed: list[Any] = []

    def look(name: str, text: str) -> None:
        if name == "load":
            listed.extend(json.loads(yard.folder.faults.read_text()))

    scene.audience.phase = look  # type: ignore[method-assign]
    await played(scene, clock)

    assert [row["fault"] for row in listed] == ["scale_deployment"]
    assert listed[0]["data"]["replicas_before"] == 1
    assert not yard.folder.faults.exists()


async def test_the_fault_stays_on_as_long_as_was_asked(make_scene: Make, clock: VirtualClock) -> None:
    scene = make_scene(duration_s=30.0)

    verdict = await played(scene, clock)

    phases = {phase.name: phase for phase in Record.open(scene.record.path).phases}
    assert verdict.outcome is Outcome.KEPT
    assert 30 <= phases["heal"].started_s - phases["inject"].started_s < 31


async def test_the_record_holds_every_partys_books_before_during_and_after(
    make_scene: Make, clock: VirtualClock
) -> None:
    scene = make_scene()
    await played(scene, clock)
    record = Record.open(scene.record.path)

    counts = [len(record.ledger(f"orders-{moment}") or ()) for moment in ("before", "during", "after")]
    assert counts == [1, 6, 7], "the canary's, the five of the shoppers, and the last canary's"
    assert {f"{name}-{moment}" for name in ("charges", "refunds") for moment in ("before", "during", "after")} <= set(
        record.ledger_names
    )
    searches = record.evidence("searches")
    assert searches and all({"query", "from", "to", "count", "items"} <= set(one) for one in searches.values())
    for row in record.evidence("queries"):
        assert record.evidence(row["results"])["count"] == row["count"], "each result is a file of its own"


async def test_a_mistake_of_our_own_heals_and_says_nothing_of_the_incident(
    make_scene: Make, yard: Any, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def mistaken(scene: Scene) -> None:
        raise TypeError("not callable")

    monkeypatch.setattr(queries, "run_all", mistaken)
    scene = make_scene()
    verdict = await played(scene, clock)

    assert (yard.replicas, yard.folder.faults.exists()) == (1, False)
    assert verdict.outcome is Outcome.INVALID
    assert "Drillyard itself failed (TypeError: not callable)" in verdict.reason
    assert "in mistaken" in Record.open(scene.record.path).evidence("own-failure")


async def test_a_record_that_cannot_be_written_keeps_nobody_from_healing(
    make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    scene = make_scene()

    def full(*_: Any, **__: Any) -> None:
        raise DrillyardError("Cannot write journal.jsonl: No space left on device.")

    def look(name: str, text: str) -> None:
        if name == "load":
            scene.record._append = full  # type: ignore[method-assign]

    scene.audience.phase = look  # type: ignore[method-assign]
    with pytest.raises(DrillyardError, match="No space left"):
        await played(scene, clock)

    assert (yard.replicas, yard.folder.faults.exists()) == (1, False)


async def test_an_interruption_while_it_is_repaired_is_heard_when_it_is(
    make_scene: Make, yard: Any, clock: VirtualClock
) -> None:
    scene = make_scene()
    task = asyncio.ensure_future(play(scene))
    said: list[str] = []
    scene.audience.say = said.append  # type: ignore[method-assign]
    phases = scene.audience.phase

    def stop(name: str, text: str) -> None:
        phases(name, text)
        if name == "heal":
            task.cancel()

    scene.audience.phase = stop  # type: ignore[method-assign]
    for _ in range(2000):
        if task.done():
            break
        await clock.advance(0.05)

    with pytest.raises(asyncio.CancelledError):
        await task
    assert "Still healing; this takes a moment." in said
    assert (yard.replicas, yard.folder.faults.exists()) == (1, False)
    assert scene.audience.phases[-1] == "heal", "nothing is verified"  # type: ignore[attr-defined]
    assert Record.open(scene.record.path).verdict.reason == "The drill was interrupted; nothing is left broken."  # type: ignore[union-attr]
