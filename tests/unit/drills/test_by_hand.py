"""What a person may ask of a fault by hand: a part of the requests, drawn with a seed, where the fault can be graded."""

from __future__ import annotations

import pytest

from drillyard.base.errors import DrillyardError
from drillyard.drills.by_hand import chosen_faults, graded
from drillyard.faults.fault import to_json
from drillyard.faults.registry import build
from drillyard.incidents.catalogue import find


def test_a_graded_fault_strikes_its_share_with_its_seed() -> None:
    fault = graded(build("bank_behaviour", {"mode": "rate_limit"}), share=0.1, seed=7)

    assert (to_json(fault)["share"], to_json(fault)["seed"], to_json(fault)["mode"]) == (0.1, 7, "rate_limit")


def test_without_a_wish_it_is_the_same_fault() -> None:
    fault = build("scale_deployment", {"deployment": "payment"})

    assert graded(fault, share=None, seed=None) == fault


def test_a_fault_that_strikes_all_or_nothing_is_not_graded() -> None:
    with pytest.raises(DrillyardError, match=r"cannot be graded: it has no share"):
        graded(build("scale_deployment", {"deployment": "payment"}), share=0.5, seed=None)


def test_an_incident_without_a_fault_says_that_the_defect_is_there_already() -> None:
    with pytest.raises(DrillyardError, match="nothing to put in before the orders") as refusal:
        chosen_faults(find("double-click"), after_load=False)

    assert "The defect is in the shop already" in str(refusal.value)
