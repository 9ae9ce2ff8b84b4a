"""
Takes shipments off the queue, one at a time, and comes back for ever.

A connection, a channel or a consumer that ends is replaced after a pause that grows to `_PAUSE_MAX_S`. The handler says
what becomes of each message: done (acked), again (returned to the queue after a pause), or useless (dropped).
A message whose handling was interrupted stays with the broker, and is delivered again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from enum import Enum, auto

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage

from drillyard.base.clock import Clock
from drillyard.shop import shipping_queue
from drillyard.shop.shipping_queue import BROKER_ERRORS, QUEUE

_log = logging.getLogger("works.weave.socks.queuemaster.ShippingTaskConsumer")
_PAUSE_S = 0.5
_PAUSE_MAX_S = 5.0
_CLOSE_TIMEOUT_S = 0.5


class Verdict(Enum):
    """What a handler says of a message."""

    DONE = auto()
    AGAIN = auto()
    USELESS = auto()


Handler = Callable[[AbstractIncomingMessage], Awaitable[Verdict]]


def pause_s(failures: int) -> float:
    """The pause after so many failures in a row: half a second, doubling to five."""
    return float(min(_PAUSE_S * 2 ** min(max(failures - 1, 0), 10), _PAUSE_MAX_S))


class Consumer:
    """Consumes until its task is cancelled. `consuming` tells whether it is doing so now."""

    def __init__(self, url: str, handler: Handler, clock: Clock) -> None:
        self._url = url
        self._handler = handler
        self._clock = clock
        self._failures = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.consuming = False

    async def run(self) -> None:
        """Connects, consumes and reconnects for ever."""
        lost = 0
        while True:
            try:
                await self._consume()
                lost = 1
                _log.warning("Lost the consumer of queue %s, connecting again in %g s", QUEUE, pause_s(lost))
                await self._clock.sleep(pause_s(lost))
            except BROKER_ERRORS as problem:
                lost += 1
                wait_s = pause_s(lost)
                _log.warning("RabbitMQ is away (%s), connecting again in %g s", shipping_queue.reason(problem), wait_s)
                await self._clock.sleep(wait_s)
            except Exception as problem:
                # Consuming is this process's one purpose: whatever a single round dies of, the next is tried.
                _log.error("Consuming failed: %s: %s", type(problem).__name__, problem)
                await self._clock.sleep(_PAUSE_MAX_S)
            finally:
                self.consuming = False

    async def finish(self, limit_s: float) -> None:
        """Waits until no message is in work, at most so long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self._idle.wait()

    async def _consume(self) -> None:
        connection = await shipping_queue.connect(self._url, "queue-master")
        try:
            await self._consume_on(connection)
        finally:
            with contextlib.suppress(*BROKER_ERRORS):
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await connection.close()

    async def _consume_on(self, connection: AbstractConnection) -> None:
        """Returns when the connection, the channel or the consumer has ended."""
        inbox: asyncio.Queue[AbstractIncomingMessage | None] = asyncio.Queue()

        def end(*reason: object) -> None:
            inbox.put_nowait(None)

        connection.close_callbacks.add(end)
        channel = await connection.channel(publisher_confirms=False)
        channel.close_callbacks.add(end)
        await channel.set_qos(prefetch_count=1)
        queue = await shipping_queue.declare(channel)
        await _on_cancelled_by_broker(channel, end)
        await queue.consume(inbox.put)
        self.consuming = True
        _log.info("Consuming from queue: %s", QUEUE)
        while (message := await inbox.get()) is not None:
            self._idle.clear()
            try:
                await self._settle(message)
            finally:
                self._idle.set()

    async def _handled(self, message: AbstractIncomingMessage) -> Verdict:
        return await self._handler(message)

    async def _settle(self, message: AbstractIncomingMessage) -> None:
        # A task of its own, so that the message's trace and order do not stand in the lines that follow it.
        match await asyncio.create_task(self._handled(message)):
            case Verdict.DONE:
                self._failures = 0
                await message.ack()
            case Verdict.USELESS:
                await message.reject(requeue=False)
            case Verdict.AGAIN:
                self._failures += 1
                await self._clock.sleep(pause_s(self._failures))
                await message.nack(requeue=True)


async def _on_cancelled_by_broker(channel: AbstractChannel, end: Callable[..., None]) -> None:
    """A queue that is deleted under its consumer ends the consumer, but neither channel nor connection."""
    underlay = await channel.get_underlay_channel()
    underlay.on_consumer_cancel_callbacks.add(end)
