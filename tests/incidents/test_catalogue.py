"""Every incident of the catalogue, once, on one yard: broken, its symptom is seen; healed, it is gone, and leaves no trace."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from drillyard.incidents.catalogue import all_incidents

from .conftest import Drill
from .test_incident_5 import result_of

# Incident 5 has tests of its own.
NAMES = [one.name for one in all_incidents() if one.name != "queue-consumer-down"]
CHARGED_AND_FAILED = {"payment-slow", "payment-500-captured", "payment-captured-lost"}
PAID_AND_LOST = {"queue-capacity-silent", "queue-capacity-visible", "broker-restart"}


@pytest.mark.parametrize("name", NAMES)
def test_the_incident_keeps_its_promise(name: str, yard: dict[str, Any], drill: Drill) -> None:
    done = drill("run", name, "--seed", "3", "--json")
    result = result_of(done)

    assert [check for check in result["checks"] if check["outcome"] != "kept"] == []
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


def test_the_documents_methods_are_played_by_their_letters(yard: dict[str, Any], drill: Drill) -> None:
    unknown = drill("run", "incident-3", "--method", "Z")

    assert (unknown.returncode, unknown.stdout) == (1, "")
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
