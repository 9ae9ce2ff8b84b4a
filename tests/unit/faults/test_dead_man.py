"""The dead man's switch sees who is gone and what is overdue, and is not confused by a list that it cannot read."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest

from drillyard.base.clock import VirtualClock, rfc3339
from drillyard.base.processes import identify
from drillyard.yard.dead_man import overdue
from drillyard.yard.home import YardFolder


@pytest.fixture
def folder(tmp_path: Path) -> YardFolder:
    made = YardFolder(tmp_path, "tested")
    made.path.mkdir(parents=True)
    return made


def put(folder: YardFolder, clock: VirtualClock, *, alive: bool = True, left_s: float = 60) -> None:
    owner = asdict(identify(os.getpid())) if alive else {"pid": 4_194_303, "started": 1.0}
    until = rfc3339(clock.now() + timedelta(seconds=left_s))
    folder.faults.write_text(json.dumps([{"fault": "nothing", "data": {}, "owner": owner, "until": until}]))


def test_a_fault_in_its_time_with_a_living_owner_is_left_alone(folder: YardFolder) -> None:
    clock = VirtualClock()
    put(folder, clock)

    assert not overdue(folder, clock)


def test_a_fault_whose_owner_was_killed_is_overdue(folder: YardFolder) -> None:
    clock = VirtualClock()
    put(folder, clock, alive=False)

    assert overdue(folder, clock)


def test_a_fault_is_overdue_when_its_time_is_over(folder: YardFolder) -> None:
    clock = VirtualClock()
    put(folder, clock, left_s=60)
    clock.elapsed_s += 61

    assert overdue(folder, clock)


@pytest.mark.parametrize("text", ["", "[{", "{}", "[1]", '[{"owner": {"pid": 1}}]', '[{"owner": 5, "until": 6}]'])
def test_a_damaged_list_heals_nothing(folder: YardFolder, text: str) -> None:
    folder.faults.write_text(text)

    assert not overdue(folder, VirtualClock())


def test_no_list_means_that_nothing_is_broken(folder: YardFolder) -> None:
    assert not overdue(folder, VirtualClock())
