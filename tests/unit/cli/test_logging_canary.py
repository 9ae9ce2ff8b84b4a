"""Logging is healthy only when a line that was written is found; whatever keeps it from being found is told apart."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.base.errors import DrillyardError
from drillyard.yard.logging_canary import LoggingCheck, check_logging
from drillyard.yard.yard import Answer


@dataclass
class Shop:
    """A front-end whose log lines arrive after `delay_s`; never when that is None, nor written when it is silent."""

    clock: VirtualClock
    datadog: Any
    delay_s: float | None = 0.0
    silent: bool = False

    async def look(self, service: str, path: str, *, timeout_s: float) -> Answer:
        if self.silent:
            raise DrillyardError(f"{service} did not answer {path}: ConnectError.")
        if self.delay_s is not None:
            self.arriving = asyncio.ensure_future(self._arrive(path, self.delay_s))
        return Answer(404, "", 0.0)

    async def _arrive(self, path: str, delay_s: float) -> None:
        await self.clock.sleep(delay_s)
        tags = {"kube_namespace": "sock-shop", "kube_deployment": "front-end"}
        self.datadog.say("sock-shop-front-end", f"\x1b[0mGET {path} \x1b[33m404", **tags)


async def checked(shop: Shop, limit_s: float = 5.0) -> LoggingCheck:
    task = asyncio.ensure_future(check_logging(shop, limit_s=limit_s))  # type: ignore[arg-type]
    end_s = shop.clock.monotonic_s() + limit_s + 1
    while not task.done():
        assert shop.clock.monotonic_s() < end_s, "the check did not end"
        await shop.clock.advance(0.05)
    return await task


@pytest.fixture
def shop(datadog, clock) -> Shop:
    return Shop(clock, datadog)


async def test_a_line_that_is_found_proves_logging(shop) -> None:
    shop.delay_s = 2.0

    result = await checked(shop)

    assert result.healthy is True
    assert 2.0 <= result.took_s < 2.3


async def test_a_line_that_is_not_found_in_time_is_no_health(shop) -> None:
    shop.delay_s = None

    result = await checked(shop, limit_s=3.0)

    assert result.healthy is False
    assert "not found by a search within 3 s" in result.text


async def test_a_search_that_fails_is_no_health_and_is_told(shop, datadog) -> None:
    async def broken(*_: Any) -> int:
        raise DrillyardError("The telemetry did not answer.")

    datadog.count = broken

    result = await checked(shop, limit_s=1.0)

    assert result.healthy is False
    assert "The telemetry did not answer." in result.text


async def test_without_a_marker_nothing_is_said_of_logging(shop) -> None:
    shop.silent = True

    assert (await checked(shop)).healthy is None


async def test_the_line_of_another_check_does_not_count(shop, datadog) -> None:
    shop.delay_s = None
    await checked(shop, limit_s=0.5)
    datadog.say("sock-shop-front-end", "GET /canary1234", kube_namespace="sock-shop", kube_deployment="front-end")

    assert (await checked(shop, limit_s=0.5)).healthy is False
