"""
Incidents of the catalogue on one yard: broken, its symptom is seen; healed, it is gone and leaves no trace; sabotaged,
nothing is claimed.

`make test` plays both sides of incident 3 and two others that the day draws; `make catalogue` (CATALOGUE=all) plays
every one twice in a row, three more in an order that the day draws, and each sabotaged in every way that it has.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from drillyard.drills import desired_state
from drillyard.drills import play as drill_play
from drillyard.drills.scene import DrillSettings
from drillyard.drills.session import play_in_yard
from drillyard.faults.active import ActiveFaults
from drillyard.incidents.catalogue import all_incidents, faults_of, find
from drillyard.incidents.schema import Incident
from drillyard.load.shopping import Habits
from drillyard.record.verdicts import Check, Outcome
from drillyard.yard.yard import open_yard

from .conftest import YARD, Drill
from .test_incident_5 import result_of

pytestmark = pytest.mark.timeout(300)  # The first one also starts the yard, on a machine that may be busy.
DAY = os.environ.get("CATALOGUE_SEED") or f"{datetime.now(UTC):%Y-%m-%d}"
NAMES = [one.name for one in all_incidents()]
ALWAYS = ["payment-outage", "payment-slow"]
# Incident 5 has tests of its own, which `make test` always plays.
DRAWABLE = [name for name in NAMES if name not in (*ALWAYS, "queue-consumer-down")]


@dataclass(frozen=True)
class Plan:
    """Which incidents are played, in order, and which sabotage makes which of them INVALID."""

    played: list[str]
    sabotaged: list[tuple[str, str]]


def plan(*, everything: bool) -> Plan:
    draw = random.Random(DAY)
    ways = [(one.name, way) for one in all_incidents() for way in _ways(one)]
    if everything:
        return Plan([name for name in NAMES for _ in range(2)] + draw.sample(NAMES, 3), ways)
    drawn = draw.sample(DRAWABLE, 2)
    return Plan([*ALWAYS, *drawn], [draw.choice([way for way in ways if way[0] in ALWAYS])])


def _ways(incident: Incident) -> list[str]:
    """What of it can be made to do nothing."""
    ways = {"faults": incident.faults, "after_load": incident.after_load, "double_click": incident.load.double_click}
    return [way for way, there in ways.items() if there]


CHOSEN = plan(everything=os.environ.get("CATALOGUE") == "all")
CHARGED_AND_FAILED = {"payment-slow", "payment-500-captured", "payment-captured-lost"}
PAID_AND_LOST = {"queue-capacity-silent", "queue-capacity-visible", "broker-restart"}


@pytest.fixture(autouse=True)
def in_the_yards_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRILLYARD_HOME", str(home))
    monkeypatch.setenv("DRILL_SCREENSHOTS", "off")


async def _what_a_drill_could_leave() -> dict[str, Any]:
    async with open_yard(YARD) as yard:
        queue = await yard.broker.queue("shipping-task")
        return {
            "faults": ActiveFaults(yard.folder.faults).all(),
            "shop": await desired_state.snapshot(yard.api),
            "links": await yard.control.links(),
            "bank": (await yard.bank.behaviour())["mode"],
            "policies": await yard.broker.policies(),
            "pipelines": [one["name"] for one in await yard.datadog.pipelines()],
            "queue": (queue.messages, queue.consumers),
        }


@pytest.mark.parametrize("name", CHOSEN.played)
def test_the_incident_keeps_its_promise_and_leaves_no_trace(name: str, yard: dict[str, Any], drill: Drill) -> None:
    before = asyncio.run(_what_a_drill_could_leave())
    done = drill("run", name, "--seed", "3", "--json")
    result = result_of(done)

    assert [check for check in result["checks"] if check["outcome"] != "kept"] == [], f"drawn by {DAY}"
    assert (result["verdict"], done.returncode) == ("kept", 0), result["reason"]
    books = json.loads((Path(result["record"]) / "evidence" / "reconciliation.json").read_text())
    classes = {one["order_class"] for one in books["disagreements"]}
    assert all(one["order_id"] for one in books["disagreements"]), "every disagreement names its order"
    assert books["unnamed_attempts"] == 0, "every attempt is told from the others, also where its answer named no order"
    if name in CHARGED_AND_FAILED:
        assert classes == {"charged_order_failed"}
        assert all(row["charges"] == 1 for row in books["rows"])
    elif name in PAID_AND_LOST:
        assert classes == {"paid_not_shipped"} | ({"paid_told_failed"} if name == "queue-capacity-visible" else set())
    else:
        assert classes == set()
        assert books["totals"]["held_cents"] == books["totals"]["paid_cents"]
    assert asyncio.run(_what_a_drill_could_leave()) == before


class _Nobody:
    live = False

    def phase(self, name: str, text: str) -> None: ...

    def say(self, text: str) -> None: ...

    def numbers(self, **values: float | None) -> None: ...

    def checked(self, check: Check) -> None: ...


@pytest.mark.parametrize(("name", "way"), CHOSEN.sabotaged)
def test_a_fault_that_does_nothing_makes_the_drill_invalid(
    name: str, way: str, yard: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    incident = find(name)

    async def does_nothing(self: Any, yard: Any) -> None: ...

    if way == "double_click":
        monkeypatch.setattr(drill_play, "Habits", lambda **_: Habits())
    else:
        for fault in faults_of(getattr(incident, way)):
            monkeypatch.setattr(type(fault), "put_in", does_nothing)
        monkeypatch.setattr(drill_play, "_PROOF_S", 1.5)
    played = asyncio.run(play_in_yard(incident, DrillSettings(seed=3), YARD, _Nobody()))

    assert played.verdict.outcome is Outcome.INVALID
    assert "The fault was never on" in played.verdict.reason
    assert not [check for check in played.verdict.checks if check.name.startswith("while-on")]


def test_the_documents_methods_are_played_by_their_letters(yard: dict[str, Any], drill: Drill) -> None:
    unknown = drill("run", "incident-3", "--method", "Z")

    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "There are: A (payment-outage), B (payment-slow), C (payment-500)" in unknown.stderr


def test_too_few_orders_to_see_it_are_refused(yard: dict[str, Any], drill: Drill) -> None:
    done = drill("run", "queue-capacity-silent", "--orders", "3")

    assert done.returncode == 2
    assert "shows itself only from 4 on" in done.stderr


def test_the_investigators_environment_holds_no_key_to_the_faults(yard: dict[str, Any], drill: Drill) -> None:
    environment = drill("env").stdout

    assert yard["api_key"] in environment
    assert yard["bank_admin_key"] not in environment
    assert yard["control_token"] not in environment
