"""
The virtual host: queues, exchanges and policies together, and what happens when a message is published.

It is the `Host` of its queues and knows no connection and no socket. There is one, named `/`.
"""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from drillyard.base.clock import Clock
from drillyard.broker.dead_letters import dead_letter_of, without_cycles
from drillyard.broker.errors import AmqpError
from drillyard.broker.message import Message
from drillyard.broker.policies import Policy, choose
from drillyard.broker.queues.consumers import Taker
from drillyard.broker.queues.counts import Counts
from drillyard.broker.queues.declaration import Declaration
from drillyard.broker.queues.entry import Entry
from drillyard.broker.queues.equivalence import check_same, locked
from drillyard.broker.queues.queue import Queue
from drillyard.broker.queues.rules import Rules, check_arguments
from drillyard.broker.routing.bindings import Binding, Destination
from drillyard.broker.routing.exchange import Exchange
from drillyard.broker.routing.map import RoutingMap
from drillyard.broker.storage.journal import Journal
from drillyard.broker.storage.recovery import DROP_POLICY, PUT_POLICY, PUT_QUEUE, table_bytes
from drillyard.broker.timers import Timers

REPLY_PREFIX = "amq.rabbitmq.reply-to."


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one publish: how many queues it was routed to, whether all took it, whether a commit must come first."""

    routed: int
    accepted: bool
    durable: bool


class VirtualHost:
    """`on_event` gets one plain line per change of topology or policy, for the log."""

    def __init__(self, journal: Journal, clock: Clock, on_event: Callable[[str], None] = lambda line: None) -> None:
        self.journal = journal
        self.clock = clock
        self.queues: dict[str, Queue] = {}
        self.routing = RoutingMap(journal)
        self.policies: dict[str, Policy] = {}
        self.timers = Timers(self.now_ms)
        self.reply_takers: dict[str, Taker] = {}
        self.unroutable_dropped = 0
        self.unroutable_returned = 0
        self.queues_declared = 0
        self.queues_deleted = 0
        self.retired = Counts()  # What queues counted that are gone.
        self._on_event = on_event
        self._next_id = 1
        self._dead: deque[tuple[Message, str]] = deque()
        self._burying = False

    # ---- what queues ask (queues.queue.Host)

    def now_ms(self) -> int:
        return int(self.clock.now().timestamp() * 1000)

    def wake_at(self, when_ms: int, action: Callable[[], None]) -> None:
        self.timers.call_at(when_ms, action)

    def dead_letter(self, message: Message, queue: str, rules: Rules, reason: str) -> None:
        """
        At once, and so in the same commit as the deletion in the first queue: a crash sees both or neither.

        One dead letter may push out the next; they are buried in turn and not inside each other.
        """
        dead = dead_letter_of(message, queue, rules, reason, self.now_ms())
        if dead is None:
            return
        self._dead.append((dead, reason))
        if self._burying:
            return
        self._burying = True
        try:
            while self._dead:
                self._bury(*self._dead.popleft())
        finally:
            self._burying = False

    def _bury(self, dead: Message, reason: str) -> None:
        if dead.exchange not in self.routing.exchanges:
            return
        for name in without_cycles(dead, reason, self.routing.route(dead)):
            queue = self.queues.get(name)
            if queue is not None:
                queue.offer(dead)
        dead.forget_parsed()

    def delete_unused(self, queue: str, why: str) -> None:
        found = self.queues.get(queue)
        if found is not None:
            self._on_event(f"queue '{queue}' deleted: {why}")
            self._remove(found)

    # ---- publishing

    def publish(self, message: Message) -> Outcome:
        """Raises AmqpError 404 for an unknown exchange."""
        routed = 0
        accepted = True
        durable = False
        for name in self.routing.route(message):
            queue = self.queues.get(name)
            if queue is not None:
                routed += 1
                if not queue.offer(message):
                    accepted = False
                elif message.persistent and queue.declaration.stored:
                    durable = True
            elif name.startswith(REPLY_PREFIX) and message.exchange == "":
                routed += self._reply(name, message)
        message.forget_parsed()
        return Outcome(routed, accepted, durable)

    def _reply(self, name: str, message: Message) -> int:
        """Direct reply-to: straight to the consumer that waits, or nowhere."""
        taker = self.reply_takers.get(name)
        if taker is None or not taker.can_take:
            return 0
        taker.take(Entry(0, message))
        return 1

    # ---- queues

    def queue(self, name: str, asker: object | None = None) -> Queue:
        """
        Raises AmqpError 404, or 405 when the queue is exclusive to another connection than `asker`.

        Without an asker (management API) exclusive queues are open.
        """
        found = self.queues.get(name)
        if found is None:
            raise AmqpError(404, f"no queue '{name}' in vhost '/'")
        owner = found.declaration.owner
        if asker is not None and owner is not None and owner is not asker:
            raise locked(name)
        return found

    def declare_queue(self, wanted: Declaration, asker: object | None, *, reserved: bool = False) -> Queue:
        """
        Creates it, or checks that the present one is the same. An empty name asks for one of ours; `reserved` allows
        names that begin like ours.

        Raises AmqpError 403, 405, 406 or 540.
        """
        if wanted.name.startswith("amq.") and not reserved:
            raise AmqpError(403, f"queue name '{wanted.name}' contains reserved prefix 'amq.*'")
        present = self.queues.get(wanted.name)
        if present is not None:
            owner = present.declaration.owner
            if asker is not None and owner is not None and owner is not asker:
                raise locked(wanted.name)
            check_same(present.declaration, wanted)
            present.touch()
            return present
        check_arguments(wanted.name, wanted.arguments)
        if not wanted.name:
            name = f"amq.gen-{secrets.token_urlsafe(16)}"
            wanted = Declaration(name, wanted.durable, wanted.auto_delete, wanted.owner, wanted.arguments)
        queue = self._new_queue(self._next_id, wanted)
        self.queues_declared += 1
        if queue.declaration.stored:
            self.journal.execute(PUT_QUEUE, (queue.id, queue.name, wanted.auto_delete, table_bytes(wanted.arguments)))
        self._on_event(f"queue '{queue.name}' declared" + (" (durable)" if wanted.durable else ""))
        return queue

    def _new_queue(self, queue_id: int, declaration: Declaration) -> Queue:
        self._next_id = max(self._next_id, queue_id + 1)
        queue = Queue(queue_id, declaration, self.journal, self)
        self.queues[queue.name] = queue
        self._apply_policy(queue)
        return queue

    def delete_queue(self, queue: Queue, *, if_unused: bool = False, if_empty: bool = False) -> int:
        """Returns how many messages went with it. Raises AmqpError 406."""
        if if_unused and queue.consumers:
            raise AmqpError(406, f"queue '{queue.name}' in vhost '/' in use")
        if if_empty and queue.ready:
            raise AmqpError(406, f"queue '{queue.name}' in vhost '/' not empty")
        count = len(queue.ready)
        self._on_event(f"queue '{queue.name}' deleted with {count} messages")
        self._remove(queue)
        return count

    def delete_owned_by(self, owner: object) -> None:
        """A connection ended: its exclusive queues go."""
        for queue in [queue for queue in self.queues.values() if queue.declaration.owner is owner]:
            self.delete_unused(queue.name, "its connection closed")

    def _remove(self, queue: Queue) -> None:
        del self.queues[queue.name]
        self.queues_deleted += 1
        if queue.declaration.stored:
            self.journal.drop_queue(queue.id)
        takers = queue.close()
        self.retired.add(queue.counts)
        self.routing.forget_destination(Destination("queue", queue.name))
        for taker in takers:
            taker.cancelled_by_queue()

    def restore_queue(self, queue_id: int, declaration: Declaration, entries: Iterable[Entry]) -> None:
        """From the store, at start."""
        self._new_queue(queue_id, declaration).recover(entries)

    # ---- exchanges and bindings

    def restore_exchange(self, exchange: Exchange) -> None:
        """From the store, at start."""
        self.routing.exchanges[exchange.name] = exchange
        self._apply_exchange_policy(exchange)

    def restore_binding(self, binding: Binding) -> None:
        """From the store, at start."""
        self.routing.restore(binding)

    def declare_exchange(self, wanted: Exchange) -> Exchange:
        known = wanted.name in self.routing.exchanges
        exchange = self.routing.declare(wanted)
        if not known:
            self._apply_exchange_policy(exchange)
            self._on_event(f"exchange '{wanted.name}' ({wanted.type}) declared")
        return exchange

    def delete_exchange(self, name: str, *, if_unused: bool = False) -> None:
        if self.routing.delete_exchange(name, if_unused=if_unused):
            self._on_event(f"exchange '{name}' deleted")

    def bind(self, binding: Binding) -> None:
        """Raises AmqpError 403, 404 or 406."""
        destination = binding.destination
        if destination.kind == "queue":
            durable = self.queue(destination.name).declaration.stored
        else:
            durable = self.routing.exchange(destination.name).durable
        self.routing.bind(binding, destination_durable=durable)

    # ---- policies

    def put_policy(self, policy: Policy) -> None:
        self.policies[policy.name] = policy
        definition = json.dumps(dict(policy.definition))
        self.journal.execute(PUT_POLICY, (policy.name, policy.pattern, policy.apply_to, policy.priority, definition))
        self._on_event(f"policy '{policy.name}' set: pattern '{policy.pattern}' to {policy.apply_to}: {definition}")
        self._apply_policies()

    def delete_policy(self, name: str) -> bool:
        """False when there is none."""
        if self.policies.pop(name, None) is None:
            return False
        self.journal.execute(DROP_POLICY, (name,))
        self._on_event(f"policy '{name}' deleted")
        self._apply_policies()
        return True

    def _apply_policies(self) -> None:
        for queue in list(self.queues.values()):
            self._apply_policy(queue)
        for exchange in self.routing.exchanges.values():
            self._apply_exchange_policy(exchange)

    def _apply_policy(self, queue: Queue) -> None:
        policy = choose(self.policies.values(), queue.name, "queues")
        queue.apply_policy(policy.name if policy else None, policy.definition if policy else {})

    def _apply_exchange_policy(self, exchange: Exchange) -> None:
        policy = choose(self.policies.values(), exchange.name, "exchanges")
        exchange.policy = policy.name if policy else None
        exchange.policy_alternate = policy.definition.get("alternate-exchange") if policy else None
