"""
The queue between shipping and queue-master: its names, its declaration, and how both connect to it.

As in the original the queue is not durable: a broker that is killed loses its backlog. Both sides declare it, so that
either may start first.
"""

from __future__ import annotations

import os
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractQueue

QUEUE = "shipping-task"
EXCHANGE = "shipping-task-exchange"
CONNECT_TIMEOUT_S = 5
HEARTBEAT_S = 10
DECLARE_TIMEOUT_S = 5

# Everything that aio-pika raises when a broker is away, ends a connection or refuses something.
BROKER_ERRORS: tuple[type[BaseException], ...] = (
    aio_pika.exceptions.AMQPError,
    OSError,
    TimeoutError,
    RuntimeError,
)


def reason(problem: BaseException) -> str:
    """Why the broker could not be used, in a few words; the system's own where it has some."""
    if isinstance(problem, OSError) and problem.errno:
        return os.strerror(problem.errno)
    if isinstance(problem, TimeoutError):
        return "no answer in time"
    return str(problem) or type(problem).__name__


async def connect(url: str, name: str) -> AbstractConnection:
    """A connection under a name that the broker's management shows. Raises one of BROKER_ERRORS."""
    return await aio_pika.connect(
        with_heartbeat(url), timeout=CONNECT_TIMEOUT_S, client_properties={"connection_name": name}
    )


def with_heartbeat(url: str) -> str:
    """The URL with a heartbeat, unless it names its own, so that a frozen broker is noticed within half a minute."""
    parts = urlsplit(url)
    query = parse_qsl(parts.query)
    if not any(key == "heartbeat" for key, _ in query):
        query.append(("heartbeat", str(HEARTBEAT_S)))
    return urlunsplit(parts._replace(query=urlencode(query)))


async def declare(channel: AbstractChannel) -> AbstractQueue:
    """Declares the queue and the topic exchange that is bound to it. Raises one of BROKER_ERRORS."""
    queue = await channel.declare_queue(QUEUE, durable=False, timeout=DECLARE_TIMEOUT_S)
    exchange = await channel.declare_exchange(
        EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True, timeout=DECLARE_TIMEOUT_S
    )
    await queue.bind(exchange, routing_key=QUEUE, timeout=DECLARE_TIMEOUT_S)
    return queue
