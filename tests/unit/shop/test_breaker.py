"""
The catalogue's circuit breaker, in virtual time.
"""

from __future__ import annotations

import asyncio

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.shop.breaker import Breaker, BreakerOpen


class Store:
    def __init__(self) -> None:
        self.well = True
        self.calls = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def read(self) -> str:
        self.calls += 1
        await self.gate.wait()
        if not self.well:
            raise OSError("away")
        return "sock"


async def fail(breaker: Breaker, store: Store, times: int) -> None:
    store.well = False
    for _ in range(times):
        with pytest.raises(OSError):
            await breaker.call(store.read)
    store.well = True


async def test_five_errors_in_a_row_leave_it_closed_and_a_success_begins_the_count_again() -> None:
    breaker, store = Breaker("Get", VirtualClock()), Store()
    for _ in range(3):
        await fail(breaker, store, 5)
        assert await breaker.call(store.read) == "sock"


async def test_the_sixth_error_in_a_row_opens_it_for_thirty_seconds() -> None:
    clock = VirtualClock()
    breaker, store = Breaker("Get", clock), Store()
    await fail(breaker, store, 6)
    calls = store.calls

    await clock.advance(29.9)
    with pytest.raises(BreakerOpen, match=r"^circuit breaker 'Get' is open$"):
        await breaker.call(store.read)
    assert store.calls == calls

    await clock.advance(0.1)
    assert await breaker.call(store.read) == "sock"
    await fail(breaker, store, 5)
    assert await breaker.call(store.read) == "sock"


async def test_a_failed_probe_opens_it_again() -> None:
    clock = VirtualClock()
    breaker, store = Breaker("Get", clock), Store()
    await fail(breaker, store, 6)
    await clock.advance(30)
    await fail(breaker, store, 1)

    with pytest.raises(BreakerOpen):
        await breaker.call(store.read)
    await clock.advance(30)
    assert await breaker.call(store.read) == "sock"


async def test_half_open_lets_one_call_through_of_many() -> None:
    clock = VirtualClock()
    breaker, store = Breaker("Get", clock), Store()
    await fail(breaker, store, 6)
    await clock.advance(30)
    before = store.calls
    store.gate.clear()
    calls = [asyncio.create_task(breaker.call(store.read)) for _ in range(20)]
    await asyncio.sleep(0)
    store.gate.set()

    results = await asyncio.gather(*calls, return_exceptions=True)

    assert store.calls == before + 1
    assert results[0] == "sock"
    assert {str(result) for result in results[1:]} == {"too many requests"}


async def test_a_probe_that_is_cancelled_does_not_keep_the_breaker_shut_for_ever() -> None:
    clock = VirtualClock()
    breaker, store = Breaker("Get", clock), Store()
    await fail(breaker, store, 6)
    await clock.advance(30)
    store.gate.clear()
    probe = asyncio.create_task(breaker.call(store.read))
    await asyncio.sleep(0)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)
    store.gate.set()

    assert await breaker.call(store.read) == "sock"
