"""The dead man's switch sees who is gone and what is overdue, and is not confused by a list that it cannot read."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drillyard.base.clock import VirtualClock, rfc3339
from drillyard.base.processes import identify
from drillyard.base.spawner import SpawnError, SpawnSpec
from drillyard.yard.dead_man import GRACE_S, overdue, watch
from drillyard.yard.home import YardFolder


class Forks:
    """A spawner whose processes end as they are told to; the last of them heals."""

    def __init__(self, folder: YardFolder, clock: VirtualClock, ends: list[int | None]) -> None:
        self.folder, self.clock, self.ends = folder, clock, ends
        self.asked: list[tuple[float, SpawnSpec]] = []

    async def spawn(self, spec: SpawnSpec) -> Any:
        self.asked.append((self.clock.monotonic_s(), spec))
        code = self.ends.pop(0)
        if code is None:
            raise SpawnError("The zygote does not answer.")
        if not self.ends:
            self.folder.faults.unlink()

        async def wait() -> int:
            return code

        return SimpleNamespace(wait=wait, signal=lambda number, *, session: None)


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


async def switched(folder: YardFolder, clock: VirtualClock, forks: Forks, seconds: float) -> None:
    watching = asyncio.ensure_future(watch(folder, "some.healer", forks, clock))  # type: ignore[arg-type]
    await clock.advance(seconds)
    watching.cancel()


async def test_it_forks_the_healer_after_a_grace(folder: YardFolder) -> None:
    clock = VirtualClock()
    put(folder, clock, alive=False)
    forks = Forks(folder, clock, [0])

    await switched(folder, clock, forks, 60)

    [(at_s, spec)] = forks.asked
    assert GRACE_S <= at_s <= GRACE_S + 1
    assert (spec.entry, list(spec.argv)) == ("some.healer:main", ["tested"])


async def test_what_failed_is_tried_again(folder: YardFolder) -> None:
    clock = VirtualClock()
    put(folder, clock, alive=False)
    forks = Forks(folder, clock, [1, None, 0])

    await switched(folder, clock, forks, 60)

    assert len(forks.asked) == 3


async def test_whoever_comes_first_within_the_grace_heals(folder: YardFolder) -> None:
    clock = VirtualClock()
    put(folder, clock, alive=False)
    forks = Forks(folder, clock, [0])
    watching = asyncio.ensure_future(watch(folder, "some.healer", forks, clock))  # type: ignore[arg-type]
    await clock.advance(GRACE_S / 2)
    folder.faults.unlink()
    await clock.advance(60)
    watching.cancel()

    assert forks.asked == []
