"""Following gives every new line once, also one that arrives late, and waits in between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from drillyard.yard.follow_logs import OVERLAP_S, follow


@pytest.fixture
async def following(datadog, clock):
    given: list[str] = []

    async def run(seen: list[dict[str, Any]]) -> None:
        async for fresh in follow(datadog, "*", clock, seen=seen):
            given.extend(item["attributes"]["message"] for item in fresh)

    tasks = []

    def start(seen: list[dict[str, Any]]) -> list[str]:
        tasks.append(asyncio.ensure_future(run(seen)))
        return given

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def newest(datadog, limit: int = 100) -> list[dict[str, Any]]:
    return (await datadog.logs("*", "now-15m", "now", sort="-timestamp", limit=limit)).items[::-1]


async def test_new_lines_come_once_and_in_order(datadog, clock, following) -> None:
    datadog.say("orders", "old", ago_s=5)
    given = following(await newest(datadog))

    for number in range(3):
        datadog.say("orders", f"new {number}")
        await clock.advance(1.0)
    await clock.advance(3 * OVERLAP_S)

    assert given == ["new 0", "new 1", "new 2"]


async def test_a_line_that_arrives_late_is_given_too(datadog, clock, following) -> None:
    datadog.say("orders", "old", ago_s=60)
    given = following(await newest(datadog))
    datadog.say("orders", "punctual")
    await clock.advance(1.0)

    datadog.say("payment", "late", ago_s=10)
    await clock.advance(1.0)

    assert given == ["punctual", "late"]


async def test_what_the_limit_left_out_does_not_come_back(datadog, clock, following) -> None:
    datadog.say("orders", "left out", ago_s=3)
    datadog.say("orders", "shown", ago_s=2)
    given = following(await newest(datadog, limit=1))

    datadog.say("orders", "new")
    await clock.advance(5.0)

    assert given == ["new"]


async def test_it_polls_once_a_second(datadog, clock, following) -> None:
    following([])
    await clock.advance(0)
    asked = datadog.asked

    await clock.advance(10.0)

    assert datadog.asked - asked == 10
