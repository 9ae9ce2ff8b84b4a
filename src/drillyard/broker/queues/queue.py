"""
A queue: messages in order of arrival, handed to consumers in turn, never lost unseen.

It knows no socket and no file. Consumers are `Taker`s, storage is a `Journal`, everything else is asked of its `Host`.
Each message that was accepted is ready, unacknowledged, settled (acknowledged or taken without acknowledgement) or
dropped for a reason that is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from drillyard.broker.errors import AmqpError
from drillyard.broker.message import Message
from drillyard.broker.queues.consumers import Consumers, Taker
from drillyard.broker.queues.counts import Counts
from drillyard.broker.queues.declaration import Declaration
from drillyard.broker.queues.entry import Entry
from drillyard.broker.queues.host import Host
from drillyard.broker.queues.ready import ReadyMessages
from drillyard.broker.queues.rules import Rules, combine
from drillyard.broker.storage.journal import Journal


class Queue:
    def __init__(self, queue_id: int, declaration: Declaration, journal: Journal, host: Host) -> None:
        self.id = queue_id
        self.declaration = declaration
        self.name = declaration.name
        self.rules: Rules = combine(declaration.arguments, {})
        self.policy: str | None = None
        self.policy_definition: Mapping[str, object] = {}
        self.stored_count = 0
        self.ready = ReadyMessages()
        self.unacknowledged = 0
        self.unacknowledged_bytes = 0
        self.consumers = Consumers(single_active=declaration.arguments.get("x-single-active-consumer") is True)
        self.counts = Counts()
        self.deleted = False
        self._journal = journal
        self._host = host
        self._position = 0
        self._used_at_ms = host.now_ms()
        self._pumping = False
        self._wake_at_ms: int | None = None

    # ---- taking messages in

    def offer(self, message: Message) -> bool:
        """Takes a message, or refuses it (False) when the queue is full and its overflow is a reject."""
        rules = self.rules
        if rules.limited and rules.overflow != "drop-head" and self._would_overflow(message):
            self.counts.refused += 1
            if rules.overflow == "reject-publish-dlx":
                self._host.dead_letter(message, self.name, rules, "maxlen")
            return False
        self._position += 1
        entry = Entry(self._position, message, expires_at_ms=self._deadline_ms(message))
        self.counts.accepted += 1
        # An idle consumer gets it at once: a message that never waits cannot be one too many, nor expire.
        consumer = None if self.ready else self.consumers.next_able()
        if consumer is not None:
            self._store(entry, consumer)
            self._hand_to(consumer, entry)
            return True
        self._store(entry, None)
        self.ready.append(entry)
        self._drop_overflow()
        self._expire()
        return True

    def recover(self, entries: Iterable[Entry]) -> None:
        """Puts back what the store kept, in order of position; only for a fresh queue."""
        for entry in entries:
            self._position = max(self._position, entry.position)
            self.ready.append(entry)
            self.counts.accepted += 1
            self.counts.recovered += 1
            self.stored_count += 1
        self._drop_overflow()
        self._expire()

    def _would_overflow(self, message: Message) -> bool:
        rules = self.rules
        if rules.max_length is not None and len(self.ready) + 1 > rules.max_length:
            return True
        return (
            rules.max_length_bytes is not None and self.ready.size_bytes + message.size_bytes > rules.max_length_bytes
        )

    def _deadline_ms(self, message: Message) -> int | None:
        limits = [ttl for ttl in (self.rules.message_ttl_ms, message.ttl_ms) if ttl is not None]
        return self._host.now_ms() + min(limits) if limits else None

    def _store(self, entry: Entry, consumer: Taker | None) -> None:
        settled_at_once = consumer is not None and consumer.no_ack
        if self.declaration.stored and entry.message.persistent and not settled_at_once:
            entry.stored = True
            self.stored_count += 1
            self._journal.insert(self.id, entry)

    # ---- handing messages out

    def pump(self) -> None:
        """Gives ready messages to consumers until one side runs out."""
        if self._pumping or self.deleted:
            return
        self._pumping = True
        try:
            while self.ready:
                self._expire()
                consumer = self.consumers.next_able() if self.ready else None
                if consumer is None:
                    break
                self._hand_to(consumer, self.ready.pop())
        finally:
            self._pumping = False

    def get(self, *, no_ack: bool) -> Entry | None:
        """One message for basic.get, or None. With `no_ack` it is settled at once."""
        self.touch()
        self._expire()
        if not self.ready:
            self.counts.got_empty += 1
            return None
        entry = self.ready.pop()
        if no_ack:
            self.counts.got_no_ack += 1
        else:
            self.counts.got += 1
        self.note_out(entry, settled=no_ack)
        self._expire()
        return entry

    def _hand_to(self, consumer: Taker, entry: Entry) -> None:
        no_ack = consumer.no_ack
        if no_ack:
            self.counts.delivered_no_ack += 1
        else:
            self.counts.delivered += 1
        self.note_out(entry, settled=no_ack)
        consumer.take(entry)

    def note_out(self, entry: Entry, *, settled: bool) -> None:
        """Books a message as out; the redelivered flag that this delivery shows is not changed here."""
        if entry.redelivered:
            self.counts.redelivered += 1
        if settled:
            self.counts.settled += 1
            self._forget(entry)
            return
        self.unacknowledged += 1
        self.unacknowledged_bytes += entry.message.size_bytes
        if entry.stored and not entry.delivered:
            self._journal.mark_delivered(self.id, entry.position)
        entry.delivered = True

    # ---- what consumers answer

    def settle(self, entry: Entry) -> None:
        """The consumer acknowledged."""
        if self._back(entry):
            self.counts.acked += 1
            self.counts.settled += 1
            self._forget(entry)

    def reject(self, entry: Entry) -> None:
        """The consumer refused for good: the message goes to the dead letters, if there are any."""
        if self._back(entry):
            self._drop(entry, "rejected")

    def requeue(self, entries: Iterable[Entry]) -> None:
        """The consumer refused or left: the messages return to their old places, marked as redelivered."""
        returned = [entry for entry in entries if self._back(entry)]
        if not returned:
            return
        for entry in returned:
            entry.redelivered = True
        self.ready.put_back(returned)
        self._drop_overflow()
        self._expire()
        self.pump()

    def _back(self, entry: Entry) -> bool:
        if self.deleted:
            return False
        self.unacknowledged -= 1
        self.unacknowledged_bytes -= entry.message.size_bytes
        return True

    # ---- limits and lifetimes

    def purge(self) -> int:
        """Drops everything that is ready; what consumers hold stays. Returns how many."""
        entries = self.ready.clear()
        for entry in entries:
            self.counts.dropped["purged"] += 1
            self._forget(entry)
        return len(entries)

    def on_time(self) -> None:
        """The moment asked of `Host.wake_at` has come."""
        if self.deleted:
            return
        self._wake_at_ms = None
        self._expire()
        expires_ms = self.rules.expires_ms
        if expires_ms is not None and not self.consumers:
            due_ms = self._used_at_ms + expires_ms
            if due_ms <= self._host.now_ms():
                self._host.delete_unused(self.name, f"unused for {expires_ms} ms")
            else:
                self._ask_to_wake(due_ms)

    def touch(self) -> None:
        """The queue was used: its x-expires starts again."""
        self._used_at_ms = self._host.now_ms()
        if self.rules.expires_ms is not None and not self.consumers:
            self._ask_to_wake(self._used_at_ms + self.rules.expires_ms)

    def apply_policy(self, name: str | None, definition: Mapping[str, object]) -> None:
        """New rules hold for what is already here too."""
        rules = combine(self.declaration.arguments, definition)
        ttl_changed = rules.message_ttl_ms != self.rules.message_ttl_ms
        self.rules = rules
        self.policy = name
        self.policy_definition = dict(definition)
        if ttl_changed:
            for entry in self.ready:
                entry.expires_at_ms = self._deadline_ms(entry.message)
        self._drop_overflow()
        self._expire()
        self.touch()

    def _drop_overflow(self) -> None:
        rules = self.rules
        if not rules.limited or rules.overflow != "drop-head":
            return
        while self.ready and (
            (rules.max_length is not None and len(self.ready) > rules.max_length)
            or (rules.max_length_bytes is not None and self.ready.size_bytes > rules.max_length_bytes)
        ):
            self._drop(self.ready.pop(), "maxlen")

    def _expire(self) -> None:
        """Only the head expires: a message with a short life behind one with a long life waits (as in RabbitMQ)."""
        head = self.ready.head
        if head is None or head.expires_at_ms is None:
            return
        now_ms = self._host.now_ms()
        while head is not None and head.expires_at_ms is not None and head.expires_at_ms <= now_ms:
            self._drop(self.ready.pop(), "expired")
            head = self.ready.head
        if head is not None and head.expires_at_ms is not None:
            self._ask_to_wake(head.expires_at_ms)

    def _ask_to_wake(self, when_ms: int) -> None:
        """One open request is enough: the earliest."""
        if self._wake_at_ms is None or when_ms < self._wake_at_ms:
            self._wake_at_ms = when_ms
            self._host.wake_at(when_ms, self.on_time)

    def _drop(self, entry: Entry, reason: str) -> None:
        self.counts.dropped[reason] += 1
        self._host.dead_letter(entry.message, self.name, self.rules, reason)
        self._forget(entry)

    def _forget(self, entry: Entry) -> None:
        if entry.stored:
            entry.stored = False
            self.stored_count -= 1
            self._journal.delete(self.id, entry.position)

    # ---- consumers

    def add_consumer(self, consumer: Taker) -> None:
        """Raises AmqpError 403 when one of them wants the queue for itself, or one queue has two
        rules of who is served alone. Does not pump: consume-ok goes first."""
        alone = consumer.exclusive and (len(self.consumers) or self.consumers.single_active)
        if self.consumers.exclusive or alone:
            raise AmqpError(403, f"queue '{self.name}' in vhost '/' in exclusive use")
        self.consumers.add(consumer)

    def remove_consumer(self, consumer: Taker) -> None:
        self.consumers.remove(consumer)
        if self.deleted:
            return
        if not self.consumers and self.declaration.auto_delete:
            self._host.delete_unused(self.name, "its last consumer left")
            return
        if not self.consumers:
            self.touch()
        self.pump()

    def close(self) -> list[Taker]:
        """The queue is deleted: forgets everything, and hands back the consumers that must be told."""
        self.deleted = True
        self.counts.dropped["queue deleted"] += len(self.ready.clear()) + self.unacknowledged
        self.unacknowledged = self.unacknowledged_bytes = self.stored_count = 0
        return self.consumers.clear()
