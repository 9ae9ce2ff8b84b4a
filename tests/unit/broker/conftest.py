"""Small stand-ins: a consumer that keeps what it gets, and a virtual host in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.broker.message import Message
from drillyard.broker.queues.declaration import Declaration
from drillyard.broker.queues.entry import Entry
from drillyard.broker.queues.queue import Queue
from drillyard.broker.storage.journal import MemoryJournal
from drillyard.broker.vhost import VirtualHost
from drillyard.broker.wire.properties import from_json


class KeepingTaker:
    """A consumer with a prefetch (0: none) that holds what it gets until told otherwise."""

    def __init__(self, tag: str = "t", *, prefetch: int = 0, no_ack: bool = False, exclusive: bool = False) -> None:
        self.tag = tag
        self.prefetch = prefetch
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.priority = 0
        self.held: list[Entry] = []
        self.taken: list[bytes] = []
        self.cancelled = False

    @property
    def can_take(self) -> bool:
        return not self.prefetch or len(self.held) < self.prefetch

    def take(self, entry: Entry) -> None:
        self.taken.append(entry.message.body)
        if not self.no_ack:
            self.held.append(entry)

    def cancelled_by_queue(self) -> None:
        self.cancelled = True


class Host:
    """A virtual host whose time a test moves, with shorthands."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.journal = MemoryJournal()
        self.events: list[str] = []
        self.vhost = VirtualHost(self.journal, self.clock, self.events.append)

    def queue(self, name: str = "q", *, durable: bool = False, auto_delete: bool = False, **arguments: Any) -> Queue:
        """Arguments are spelled without `x-` and with underscores."""
        spelled = {f"x-{key.replace('_', '-')}": value for key, value in arguments.items()}
        return self.vhost.declare_queue(Declaration(name, durable, auto_delete, None, spelled), None)

    def publish(self, key: str, body: str = "x", *, exchange: str = "", **properties: Any) -> Any:
        message = Message(exchange, key, from_json(properties).pack(), body.encode())
        return self.vhost.publish(message)

    def pass_ms(self, ms: int) -> None:
        """Moves the time and runs what is due, as the loop would."""
        self.clock.elapsed_s += ms / 1000
        self.vhost.timers.run_due()


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def taker() -> Callable[..., KeepingTaker]:
    return KeepingTaker


def bodies_of(queue: Queue) -> list[str]:
    return [entry.message.body.decode() for entry in queue.ready]


@pytest.fixture
def bodies() -> Callable[[Queue], list[str]]:
    """The bodies that are ready, oldest first."""
    return bodies_of
