"""
Puts a message on the queue that its consumer can never finish: it goes back, comes again, and holds up all others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Self

from drillyard.base.errors import DrillyardError
from drillyard.faults.fault import Proof
from drillyard.yard.yard import SHOP_NAMESPACE, Yard

_SEEN_AGAIN = 2
_PEEK = 100
_TRIES = 5


@dataclass(frozen=True, kw_only=True)
class PoisonMessage:
    """
    Publishes a shipment whose AMQP timestamp is in nanoseconds where seconds are due: a year no client library knows.

    Decoding it ends the consumer's connection; the message goes back to the head of the queue and is the first to come
    after the reconnect. Nothing behind it is touched. Proven when the broker has given it out again at least twice. The
    cure stops the consumer, takes this one message off the head by its id, and starts the consumer again.
    """

    queue: str = "shipping-task"
    consumer: str = "queue-master"
    timestamp: int = 1_762_373_035_000_000_000
    message_id: str = "shipment-20251105-1"
    redelivered_before: int | None = None
    replicas_before: int | None = None

    async def prepare(self, yard: Yard) -> Self:
        view = await yard.broker.queue(self.queue, statistics=True)
        if view.consumers < 1:
            raise DrillyardError(f"Queue {self.queue} has no consumer that a message could hold up.")
        consumer = await yard.api.get("deployments", SHOP_NAMESPACE, self.consumer)
        replicas = int(consumer["spec"].get("replicas", 1))
        return replace(self, redelivered_before=view.redelivered, replicas_before=replicas)

    async def put_in(self, yard: Yard) -> None:
        body = json.dumps({"id": self.message_id, "name": "57a98d98e4b00679b4a830af"})
        properties: dict[str, Any] = {
            "message_id": self.message_id,
            "timestamp": self.timestamp,
            "content_type": "application/json",
            "delivery_mode": 2,
        }
        await yard.broker.publish(self.queue, body, properties)

    async def is_on(self, yard: Yard) -> Proof:
        view = await yard.broker.queue(self.queue, statistics=True)
        again = view.redelivered - (self.redelivered_before or 0)
        return Proof(
            again >= _SEEN_AGAIN and view.messages >= 1,
            f"{view.messages} message(s), given out again {again} time(s)",
        )

    async def heal(self, yard: Yard) -> None:
        if self.replicas_before is None:
            return
        for _ in range(_TRIES):
            await self._scale(yard, 0)
            try:
                await self._wait_until_idle(yard)
                if await self._take_off(yard):
                    return
            finally:
                await self._scale(yard, self.replicas_before)
            # Others are before it: they are the consumer's to do, then it is at the head.
            await yard.clock.sleep(1)
        raise DrillyardError(f"The message {self.message_id} could not be taken off queue {self.queue}.")

    async def is_healed(self, yard: Yard) -> Proof:
        ready = await yard.ready_addresses(self.consumer)
        view = await yard.broker.queue(self.queue)
        holds = ready == self.replicas_before and view.consumers >= 1
        return Proof(holds, f"{ready} {self.consumer} ready, {view.messages} message(s), {view.consumers} consumer(s)")

    def touches(self) -> frozenset[str]:
        # Its cure stops and starts the consumer.
        return frozenset({f"the messages of queue {self.queue}", f"the replicas of {SHOP_NAMESPACE}/{self.consumer}"})

    def describe(self) -> str:
        return f"a message on queue {self.queue} that its consumer can never finish"

    async def _scale(self, yard: Yard, replicas: int) -> None:
        patch = {"spec": {"replicas": replicas}}
        await yard.api.patch("deployments", SHOP_NAMESPACE, self.consumer, patch, subresource="scale")

    async def _wait_until_idle(self, yard: Yard) -> None:
        """Until the consumer is gone, and what it had in work is back on the queue."""
        for _ in range(400):
            view = await yard.broker.queue(self.queue)
            pods = await yard.ready_addresses(self.consumer)
            if pods == view.consumers == view.unacknowledged == 0:
                return
            await yard.clock.sleep(0.05)
        raise DrillyardError(f"The consumer of queue {self.queue} did not end within 20 s.")

    async def _take_off(self, yard: Yard) -> bool:
        """True when it is not on the queue any more."""
        ids = [_id(message) for message in await yard.broker.peek(self.queue, _PEEK)]
        if self.message_id not in ids:
            return len(ids) < _PEEK
        if ids[0] != self.message_id:
            return False
        return [_id(message) for message in await yard.broker.drop_head(self.queue)] == [self.message_id]


def _id(message: dict[str, Any]) -> str | None:
    properties = message["properties"]
    return properties.get("message_id") if isinstance(properties, dict) else None
