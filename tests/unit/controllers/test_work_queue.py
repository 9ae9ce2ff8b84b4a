"""
The work queue: each key once, and a growing pause for one that fails.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.cluster.client import ApiError
from drillyard.cluster.controllers.work_queue import WorkQueue
from drillyard.cluster.informer import Key


@asynccontextmanager
async def working(queue: WorkQueue, look: Callable[[Key], Awaitable[float | None]]) -> AsyncIterator[None]:
    running = asyncio.create_task(queue.run(look))
    yield
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_a_key_that_is_named_often_is_looked_at_once() -> None:
    seen: list[Key] = []

    async def look(key: Key) -> None:
        seen.append(key)

    clock = VirtualClock()
    queue = WorkQueue("test", clock)
    for _ in range(5):
        queue.add(("n", "a"))
    queue.add(("n", "b"))
    async with working(queue, look):
        await clock.advance(0)
    assert seen == [("n", "a"), ("n", "b")]


async def test_a_key_that_fails_is_tried_again_after_5_10_and_20_milliseconds(caplog: pytest.LogCaptureFixture) -> None:
    clock = VirtualClock()
    times: list[float] = []

    async def look(key: Key) -> None:
        times.append(round(clock.elapsed_s, 4))
        if len(times) < 4:
            raise RuntimeError("a bug")

    queue = WorkQueue("test", clock)
    queue.add(("n", "a"))
    with caplog.at_level(logging.CRITICAL, "drillyard.cluster.controllers.work_queue"):
        async with working(queue, look):
            await clock.advance(1)
    assert times == [0, 0.005, 0.015, 0.035]


async def test_a_refusal_does_not_keep_other_keys_waiting() -> None:
    clock, seen = VirtualClock(), list[str]()

    async def look(key: Key) -> None:
        seen.append(key[1])
        if key[1] == "bad":
            raise ApiError(409, "Conflict", "somebody was faster")

    queue = WorkQueue("test", clock)
    queue.add(("n", "bad"))
    queue.add(("n", "good"))
    async with working(queue, look):
        await clock.advance(0)
    assert seen == ["bad", "good"]


async def test_the_earlier_of_two_planned_looks_wins() -> None:
    clock, times = VirtualClock(), list[float]()

    async def look(key: Key) -> None:
        times.append(clock.elapsed_s)

    queue = WorkQueue("test", clock)
    async with working(queue, look):
        queue.add_later(("n", "a"), 10)
        queue.add_later(("n", "a"), 3)
        queue.add_later(("n", "a"), 7)
        await clock.advance(20)
    assert times == [3]


async def test_a_look_that_took_long_is_followed_by_a_rest_in_which_changes_gather() -> None:
    clock = VirtualClock()
    queue, looked = WorkQueue("test", clock), list[float]()

    async def look(key: Key) -> None:
        looked.append(clock.monotonic_s())
        clock.elapsed_s += 0.1

    queue.add(("", "a"))
    working = asyncio.create_task(queue.run(look))
    await asyncio.sleep(0)
    for _ in range(3):
        queue.add(("", "a"))
        await asyncio.sleep(0)
    assert len(looked) == 1
    await clock.advance(0.5)
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(looked) == 2
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
