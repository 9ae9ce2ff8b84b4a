"""
Whatever happens to a queue, every message is somewhere, and the store knows the same.

A state machine plays publishers, consumers, limits and time against one queue with a dead-letter queue behind it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from drillyard.base.clock import VirtualClock
from drillyard.broker.message import Message
from drillyard.broker.queues.declaration import Declaration
from drillyard.broker.queues.entry import Entry
from drillyard.broker.queues.queue import Queue
from drillyard.broker.storage.journal import Batch, MemoryJournal
from drillyard.broker.vhost import VirtualHost
from drillyard.broker.wire.properties import from_json


class Taker:
    """A consumer with a prefetch."""

    exclusive = False
    priority = 0

    def __init__(self, number: int, prefetch: int, no_ack: bool) -> None:
        self.tag = str(number)
        self.prefetch = prefetch
        self.no_ack = no_ack
        self.held: list[Entry] = []

    @property
    def can_take(self) -> bool:
        return self.no_ack or len(self.held) < self.prefetch

    def take(self, entry: Entry) -> None:
        if not self.no_ack:
            self.held.append(entry)

    def cancelled_by_queue(self) -> None:
        """The queue of this test is never deleted."""


class QueueMachine(RuleBasedStateMachine):
    @initialize(
        max_length=st.none() | st.integers(0, 4),
        overflow=st.sampled_from(["drop-head", "reject-publish", "reject-publish-dlx"]),
        ttl_ms=st.none() | st.sampled_from([0, 10]),
        dead_to=st.sampled_from([None, "dead", "q"]),
    )
    def start(self, max_length: int | None, overflow: str, ttl_ms: int | None, dead_to: str | None) -> None:
        arguments: dict[str, Any] = {"x-overflow": overflow}
        if max_length is not None:
            arguments["x-max-length"] = max_length
        if ttl_ms is not None:
            arguments["x-message-ttl"] = ttl_ms
        if dead_to is not None:
            arguments |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead_to}
        self.journal = MemoryJournal()
        self.clock = VirtualClock()
        self.vhost = VirtualHost(self.journal, self.clock)
        self.dead = self.vhost.declare_queue(Declaration("dead", durable=True), None)
        self.queue = self.vhost.declare_queue(Declaration("q", durable=True, arguments=arguments), None)
        self.stored: dict[tuple[int, int], bytes] = {}
        self.takers: list[Taker] = []
        self.refused = 0
        self.sent = 0

    @rule(persistent=st.booleans(), expiration=st.none() | st.sampled_from(["0", "5", "50"]))
    def publish(self, persistent: bool, expiration: str | None) -> None:
        properties: dict[str, Any] = {"delivery_mode": 2 if persistent else 1}
        if expiration is not None:
            properties["expiration"] = expiration
        self.sent += 1
        message = Message("", "q", from_json(properties).pack(), str(self.sent).encode())
        if not self.vhost.publish(message).accepted:
            self.refused += 1

    @rule(prefetch=st.integers(1, 3), no_ack=st.booleans())
    def consume(self, prefetch: int, no_ack: bool) -> None:
        taker = Taker(len(self.takers), prefetch, no_ack)
        self.takers.append(taker)
        self.queue.add_consumer(taker)
        self.queue.pump()

    def _held(self) -> list[tuple[Taker, Entry]]:
        return [(taker, entry) for taker in self.takers for entry in taker.held]

    @precondition(lambda self: self._held())
    @rule(data=st.data(), answer=st.sampled_from(["ack", "requeue", "reject"]))
    def answer(self, data: st.DataObject, answer: str) -> None:
        taker, entry = data.draw(st.sampled_from(self._held()))
        taker.held.remove(entry)
        if answer == "ack":
            self.queue.settle(entry)
        elif answer == "requeue":
            self.queue.requeue([entry])
        else:
            self.queue.reject(entry)
        self.queue.pump()

    @precondition(lambda self: self.takers)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        """A consumer's connection is lost."""
        taker = data.draw(st.sampled_from(self.takers))
        self.takers.remove(taker)
        self.queue.consumers.remove(taker)
        held, taker.held = taker.held, []
        self.queue.requeue(held)
        self.queue.remove_consumer(taker)

    @rule(ms=st.sampled_from([1, 6, 60]))
    def wait(self, ms: int) -> None:
        self.clock.elapsed_s += ms / 1000
        self.vhost.timers.run_due()

    @rule()
    def purge(self) -> None:
        self.queue.purge()

    @rule()
    def get(self) -> None:
        self.queue.get(no_ack=True)

    @rule()
    def commit(self) -> None:
        self._apply(self.journal.commit())

    def _apply(self, batch: Batch) -> None:
        for key in batch.deleted:
            del self.stored[key]  # Deleting what is not stored would be a bug.
        for key, entry in batch.inserted.items():
            assert key not in self.stored
            self.stored[key] = entry.message.body

    @invariant()
    def every_message_is_somewhere(self) -> None:
        for queue in (self.queue, self.dead):
            counts = queue.counts
            gone = counts.settled + sum(counts.dropped.values())
            assert counts.accepted == gone + len(queue.ready) + queue.unacknowledged
        assert self.queue.unacknowledged == len(self._held())
        assert self.queue.counts.refused == self.refused

    @invariant()
    def ready_messages_are_in_order_and_within_the_limit(self) -> None:
        positions = [entry.position for entry in self.queue.ready]
        assert positions == sorted(set(positions))
        limit = self.queue.rules.max_length
        if limit is not None and self.queue.rules.overflow == "drop-head":
            assert len(positions) <= limit

    @invariant()
    def nothing_waits_while_a_consumer_is_idle(self) -> None:
        assert not (self.queue.ready and any(taker.can_take for taker in self.takers))

    @invariant()
    def the_store_holds_what_must_survive_and_nothing_else(self) -> None:
        batch = self.journal.filling
        after = (self.stored.keys() - set(batch.deleted)) | batch.inserted.keys()
        wanted = {
            (queue.id, entry.position)
            for queue, entries in ((self.queue, self._alive(self.queue)), (self.dead, list(self.dead.ready)))
            for entry in entries
            if entry.message.persistent
        }
        assert after == wanted

    def _alive(self, queue: Queue) -> list[Entry]:
        return [*queue.ready, *(entry for _, entry in self._held())]


QueueMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestQueue = QueueMachine.TestCase
