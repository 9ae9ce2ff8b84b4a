"""
queue-master's handler and consumer, in virtual time and without a broker.
"""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry

from drillyard.base.clock import VirtualClock
from drillyard.shop.consumer import Consumer, Verdict, pause_s
from drillyard.shop.http_client import Answer, NotConnected
from drillyard.shop.queue_master import QueueMasterSettings, ShippingTaskHandler, read_task
from drillyard.shop.shipping_queue import with_heartbeat

from .fake_callee import Call, FakeCallee, answer

ORDER = "6900953ac1f4320001b50703"


class Message(SimpleNamespace):
    """A message that notes what became of it."""

    def __init__(self, body: object, headers: dict[str, Any] | None = None) -> None:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        super().__init__(body=raw, headers=headers or {}, fate=None)

    async def ack(self) -> None:
        self.fate = "acked"

    async def nack(self, requeue: bool) -> None:
        self.fate = "requeued" if requeue else "dropped"

    async def reject(self, requeue: bool) -> None:
        self.fate = "requeued" if requeue else "dropped"


class Orders:
    """Answers PATCH with a status, or refuses the connection."""

    def __init__(self, status: int | None) -> None:
        self.status = status
        self.requests: list[Call] = []

    def __call__(self, request: Call) -> Answer:
        self.requests.append(request)
        if self.status is None:
            raise NotConnected("refused")
        return answer(self.status)


def handler(orders: Orders, clock: VirtualClock, work_ms: int = 200) -> ShippingTaskHandler:
    client = FakeCallee(orders)
    return ShippingTaskHandler(QueueMasterSettings(work_ms=work_ms), client, clock, CollectorRegistry())


async def test_the_work_is_done_before_orders_is_told() -> None:
    clock, orders = VirtualClock(), Orders(204)
    message = Message({"id": "1", "name": "c", "orderId": ORDER}, {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    handling = asyncio.create_task(handler(orders, clock)(message))  # type: ignore[arg-type]

    await clock.advance(0.199)
    assert orders.requests == []
    await clock.advance(0.001)

    assert await handling is Verdict.DONE
    [request] = orders.requests
    assert (request.method, request.url.path, request.body) == ("PATCH", f"/orders/{ORDER}", b'{"status":"SHIPPED"}')
    assert request.headers["X-Order-Id"] == ORDER
    assert request.headers["traceparent"].startswith(f"00-{'a' * 32}-")


# What orders answers (None: it is away), the verdict.
ANSWERS = [
    (200, Verdict.DONE),
    (204, Verdict.DONE),
    (404, Verdict.USELESS),
    (409, Verdict.USELESS),
    (400, Verdict.USELESS),
    (500, Verdict.AGAIN),
    (503, Verdict.AGAIN),
    (429, Verdict.AGAIN),
    (405, Verdict.AGAIN),
    (None, Verdict.AGAIN),
]


@pytest.mark.parametrize(("status", "verdict"), ANSWERS)
async def test_the_verdict_follows_from_what_orders_answers(status: int | None, verdict: Verdict) -> None:
    message = Message({"id": "1", "name": "c", "orderId": ORDER})
    clock = VirtualClock()
    handling = asyncio.create_task(handler(Orders(status), clock, work_ms=0)(message))  # type: ignore[arg-type]
    await clock.advance(1)

    assert await handling is verdict


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"1", b"\xff"])
async def test_what_is_no_shipment_is_useless(body: bytes) -> None:
    orders = Orders(204)

    assert await handler(orders, VirtualClock())(Message(body)) is Verdict.USELESS  # type: ignore[arg-type]
    assert orders.requests == []


async def test_a_shipment_of_the_original_without_an_order_is_done_without_a_report() -> None:
    clock, orders = VirtualClock(), Orders(204)
    handling = asyncio.create_task(handler(orders, clock)(Message({"id": "1", "name": "c"})))  # type: ignore[arg-type]
    await clock.advance(1)

    assert await handling is Verdict.DONE
    assert orders.requests == []


def test_an_order_id_of_another_kind_is_none() -> None:
    task = read_task(b'{"id":1,"orderId":5}')

    assert task is not None
    assert (task.id, task.name, task.order_id) == ("1", "", None)


async def settle(verdicts: list[Verdict], clock: VirtualClock) -> list[tuple[str, float]]:
    """What becomes of as many messages, and when."""
    answers = iter(verdicts)

    async def decide(message: object) -> Verdict:
        return next(answers)

    consumer = Consumer("amqp://x/", decide, clock)  # type: ignore[arg-type]
    fates = []
    for _ in verdicts:
        message = Message(b"{}")
        settling = asyncio.create_task(consumer._settle(message))  # type: ignore[arg-type]
        while not settling.done():
            await clock.advance(0.25)
        fates.append((message.fate, clock.elapsed_s))
    return fates


async def test_a_message_goes_back_after_a_pause_that_grows_and_begins_again_after_a_success() -> None:
    again, done = Verdict.AGAIN, Verdict.DONE

    fates = await settle([again, again, done, again, Verdict.USELESS], VirtualClock())

    assert [fate for fate, _ in fates] == ["requeued", "requeued", "acked", "requeued", "dropped"]
    at = [when for _, when in fates]
    assert 0.5 <= at[0] <= 0.75
    assert 1.0 <= at[1] - at[0] <= 1.25
    assert 0.5 <= at[3] - at[2] <= 0.75


def test_a_pause_doubles_from_half_a_second_to_five() -> None:
    assert [pause_s(failures) for failures in (1, 2, 3, 4, 5, 1000)] == [0.5, 1, 2, 4, 5, 5]


def test_a_heartbeat_is_added_where_the_url_has_none() -> None:
    assert with_heartbeat("amqp://g:g@h:5672/") == "amqp://g:g@h:5672/?heartbeat=10"
    assert with_heartbeat("amqp://h/%2F?heartbeat=60") == "amqp://h/%2F?heartbeat=60"


async def test_connecting_is_tried_for_ever_with_pauses_that_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock()
    tried_at: list[float] = []

    async def refuse(url: str, name: str) -> None:
        tried_at.append(clock.elapsed_s)
        raise ValueError("a bug") if len(tried_at) == 8 else ConnectionRefusedError(111, "refused")

    monkeypatch.setattr("drillyard.shop.shipping_queue.connect", refuse)
    consumer = Consumer("amqp://x/", lambda message: None, clock)  # type: ignore[arg-type, return-value]
    running = asyncio.create_task(consumer.run())
    await clock.advance(60)

    assert tried_at[:7] == [0, 0.5, 1.5, 3.5, 7.5, 12.5, 17.5]
    assert len(tried_at) > 12
    assert not consumer.consuming
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_message_in_work_is_finished_before_the_end_if_it_takes_no_longer_than_the_limit() -> None:
    consumer = Consumer("amqp://x/", lambda message: None, VirtualClock())  # type: ignore[arg-type, return-value]
    consumer._idle.clear()
    finishing = asyncio.create_task(consumer.finish(5))
    await asyncio.sleep(0)
    assert not finishing.done()

    consumer._idle.set()

    await finishing
