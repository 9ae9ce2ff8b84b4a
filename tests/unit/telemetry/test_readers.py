"""A search that takes long neither goes on for ever nor stands in the way of the others."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from drillyard.telemetry import readers
from drillyard.telemetry.logs.record_store import SearchTooSlow
from drillyard.telemetry.logs.search_time import deadline_s
from drillyard.telemetry.readers import QUICK_S, QUICK_THREADS, SLOW_THREADS, Readers


@pytest.fixture
def lanes():
    opened = Readers()
    yield opened
    opened.close()


def lane() -> str:
    return threading.current_thread().name.rpartition("_")[0]


def long(released: threading.Event) -> str:
    """A search that needs more than the quick lane gives."""
    if lane() == "telemetry-read":
        raise SearchTooSlow
    assert released.wait(10)
    return lane()


async def test_a_quick_question_is_answered_while_slow_ones_run_and_wait(lanes):
    released = threading.Event()
    slow = [asyncio.create_task(lanes.ask(lambda: long(released))) for _ in range(3 * (QUICK_THREADS + SLOW_THREADS))]
    assert await lanes.ask(lane) == "telemetry-read"
    released.set()
    assert set(await asyncio.gather(*slow)) == {"telemetry-slow-read"}


async def test_each_lane_has_its_time(lanes):
    seen = []

    def question() -> None:
        seen.append(deadline_s() - time.monotonic())
        if len(seen) == 1:
            raise SearchTooSlow

    await lanes.ask(question)
    quick_s, slow_s = seen
    assert 0 < quick_s <= QUICK_S < slow_s <= readers.SEARCH_S


async def test_one_that_waited_too_long_is_given_up_without_being_asked(lanes, monkeypatch):
    monkeypatch.setattr(readers, "SEARCH_S", -1.0)
    asked = []

    def question() -> None:
        asked.append(lane())
        raise SearchTooSlow

    with pytest.raises(SearchTooSlow):
        await lanes.ask(question)
    assert asked == ["telemetry-read"]
