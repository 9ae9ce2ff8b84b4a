"""
Puts shipments on the queue, with or without the broker's confirmation.

One connection, made when first needed and again after it was lost. With confirms a publish ends when the broker has
answered; without, when it is written: then a refused or lost message is nobody's news, which is the as-found fault.
"""

from __future__ import annotations

import asyncio
import contextlib

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, DeliveryMode

from drillyard.shop import shipping_queue, tracing
from drillyard.shop.shipping_queue import BROKER_ERRORS, QUEUE

_TYPE_ID = "works.weave.socks.shipping.entities.Shipment"  # Spring's converter at the other end goes by it.
_CHECK_TIMEOUT_S = 0.8  # A probe of a kubelet gives up after a second.
_CLOSE_TIMEOUT_S = 0.5


class Rejected(Exception):
    """The broker refused the message (basic.nack)."""


class ConfirmTimeout(Exception):
    """The broker neither confirmed nor refused the message in time; it may be on the queue."""


class BrokerAway(Exception):
    """The message could not be handed to the broker. The text says why."""


class Publisher:
    """Publishes on the default exchange with the queue's name as routing key, as the original does."""

    def __init__(self, url: str, *, confirms: bool, confirm_timeout_s: float) -> None:
        self._url = url
        self._confirms = confirms
        self._confirm_timeout_s = confirm_timeout_s
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._connecting = asyncio.Lock()

    async def publish(self, body: bytes, headers: dict[str, str]) -> None:
        """`headers` are the trace's. Raises Rejected, ConfirmTimeout, BrokerAway."""
        with tracing.sending(QUEUE, headers):
            await self._publish(body, headers)

    async def _publish(self, body: bytes, headers: dict[str, str]) -> None:
        message = aio_pika.Message(
            body,
            content_type="application/json",
            content_encoding="UTF-8",
            delivery_mode=DeliveryMode.PERSISTENT,
            headers={"__TypeId__": _TYPE_ID, **headers},
        )
        try:
            channel = await self._open_channel()
        except BROKER_ERRORS as problem:
            raise BrokerAway(shipping_queue.reason(problem)) from problem
        try:
            await channel.default_exchange.publish(message, QUEUE, mandatory=False, timeout=self._confirm_timeout_s)
        except aio_pika.exceptions.DeliveryError as problem:
            raise Rejected from problem
        except TimeoutError as problem:
            raise ConfirmTimeout from problem
        except BROKER_ERRORS as problem:
            await self.close()
            raise BrokerAway(shipping_queue.reason(problem)) from problem

    async def reaches_broker(self) -> bool:
        """Whether the broker opens a channel for us within the second that a probe has."""
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT_S):
                await self._open_channel()
                assert self._connection is not None
                await (await self._connection.channel()).close()
        except BROKER_ERRORS:
            return False
        return True

    async def close(self) -> None:
        """Closes the connection; a broker that does not answer is left behind."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(*BROKER_ERRORS):
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await connection.close()

    async def _open_channel(self) -> AbstractChannel:
        async with self._connecting:
            if self._channel is not None and not self._channel.is_closed:
                return self._channel
            await self.close()
            connection = await shipping_queue.connect(self._url, "shipping")
            try:
                connection.close_callbacks.add(self._forget)
                channel = await connection.channel(publisher_confirms=self._confirms)
                await shipping_queue.declare(channel)
            except BaseException:
                await connection.close()
                raise
            self._connection, self._channel = connection, channel
            return channel

    def _forget(self, connection: object, *reason: object) -> None:
        if connection is self._connection:
            self._connection = self._channel = None
