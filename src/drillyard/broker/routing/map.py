"""
The routing map: every exchange, every binding, and the walk from a published message to queue names.

Exchanges may be bound to exchanges and may name an alternate; circles are walked once (AMQP 0-9-1 leaves them to the
broker, RabbitMQ does the same).
"""

from __future__ import annotations

from drillyard.broker.errors import AmqpError
from drillyard.broker.inequivalent import inequivalent
from drillyard.broker.message import Message
from drillyard.broker.routing.bindings import Binding, Destination
from drillyard.broker.routing.exchange import TYPES, Exchange
from drillyard.broker.storage.journal import Journal
from drillyard.broker.storage.recovery import (
    DROP_BINDING,
    DROP_EXCHANGE,
    PUT_BINDING,
    PUT_EXCHANGE,
    table_bytes,
)
from drillyard.broker.wire.table import Table

PREDECLARED = (
    ("", "direct"),
    ("amq.direct", "direct"),
    ("amq.fanout", "fanout"),
    ("amq.headers", "headers"),
    ("amq.match", "headers"),
    ("amq.topic", "topic"),
)


class RoutingMap:
    """Queues are names here; whether one exists is the virtual host's affair."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.exchanges = {name: Exchange(name, kind, durable=True) for name, kind in PREDECLARED}
        self.arriving: dict[Destination, dict[Binding, None]] = {}

    def exchange(self, name: str) -> Exchange:
        """Raises AmqpError 404."""
        found = self.exchanges.get(name)
        if found is None:
            raise AmqpError(404, f"no exchange '{name}' in vhost '/'")
        return found

    def declare(self, wanted: Exchange) -> Exchange:
        """Creates it, or checks that the present one is the same: 403, 406 or 503 as RabbitMQ answers."""
        if wanted.name == "":
            raise AmqpError(403, "operation not permitted on the default exchange")
        if wanted.name in self.exchanges:
            _check_same(self.exchanges[wanted.name], wanted)
            return self.exchanges[wanted.name]
        if wanted.name.startswith("amq."):
            raise AmqpError(403, f"exchange name '{wanted.name}' contains reserved prefix 'amq.*'")
        self.exchanges[wanted.name] = wanted
        if wanted.durable:
            values = (wanted.name, wanted.type, wanted.auto_delete, wanted.internal, table_bytes(wanted.arguments))
            self._journal.execute(PUT_EXCHANGE, values)
        return wanted

    def delete_exchange(self, name: str, *, if_unused: bool = False) -> bool:
        """False when there is none (which is no error). Raises AmqpError 403 or 406."""
        if name == "":
            raise AmqpError(403, "operation not permitted on the default exchange")
        if any(name == predeclared for predeclared, _ in PREDECLARED):
            raise AmqpError(403, f"deletion of system exchange '{name}' in vhost '/' not allowed")
        found = self.exchanges.get(name)
        if found is None:
            return False
        if if_unused and found.bindings:
            raise AmqpError(406, f"exchange '{name}' in vhost '/' in use")
        del self.exchanges[name]
        for binding in list(found.bindings):
            self._remove(found, binding)
        self.forget_destination(Destination("exchange", name))
        if found.durable:
            self._journal.execute(DROP_EXCHANGE, (name,))
        return True

    def bind(self, binding: Binding, *, destination_durable: bool) -> None:
        """Raises AmqpError 403 for the default exchange, 404 for an unknown one, 406 for unfit arguments."""
        source = self._bindable(binding)
        if binding in source.bindings:
            return
        durable = source.durable and destination_durable
        binding = Binding.make(
            binding.source, binding.destination, binding.routing_key, binding.arguments, durable=durable
        )
        source.add(binding)
        self.arriving.setdefault(binding.destination, {})[binding] = None
        if durable:
            self._journal.execute(PUT_BINDING, _binding_values(binding))

    def restore(self, binding: Binding) -> None:
        """A binding that the store remembers; it is not written again."""
        self.exchange(binding.source).add(binding)
        self.arriving.setdefault(binding.destination, {})[binding] = None

    def unbind(self, binding: Binding) -> None:
        """Removing a binding that does not exist, its ends included, is no error (as in RabbitMQ)."""
        try:
            source = self._bindable(binding)
        except AmqpError as error:
            if error.code == 404:
                return
            raise
        present = next((known for known in source.bindings if known == binding), None)
        if present is not None:
            self._remove(source, present)
            self._delete_if_unused(source)

    def _bindable(self, binding: Binding) -> Exchange:
        if binding.source == "" or binding.destination == Destination("exchange", ""):
            raise AmqpError(403, "operation not permitted on the default exchange")
        if binding.destination.kind == "exchange":
            self.exchange(binding.destination.name)
        return self.exchange(binding.source)

    def forget_destination(self, destination: Destination) -> None:
        """A queue or exchange is gone, and with it whatever was bound to it."""
        for binding in list(self.arriving.get(destination, ())):
            source = self.exchanges.get(binding.source)
            if source is not None:
                self._remove(source, binding)
                self._delete_if_unused(source)
        self.arriving.pop(destination, None)

    def _remove(self, source: Exchange, binding: Binding) -> None:
        source.remove(binding)
        arriving = self.arriving.get(binding.destination, {})
        arriving.pop(binding, None)
        if not arriving:
            self.arriving.pop(binding.destination, None)
        if binding.durable:
            self._journal.execute(DROP_BINDING, _binding_values(binding))

    def _delete_if_unused(self, source: Exchange) -> None:
        if source.auto_delete and not source.bindings and source.name in self.exchanges:
            self.delete_exchange(source.name)

    def route(self, message: Message) -> list[str]:
        """Names of the queues that the message goes to, each once. Raises AmqpError 404 for an unknown exchange."""
        if message.exchange == "":
            return list(dict.fromkeys(message.routing_keys))
        queues: dict[str, None] = {}
        pending = [self.exchange(message.exchange)]
        seen = {message.exchange}
        while pending:
            exchange = pending.pop()
            exchange.published_in += 1
            names: list[str] = []
            destinations = exchange.destinations(message)
            for destination in destinations:
                if destination.kind == "queue":
                    queues[destination.name] = None
                    exchange.published_out += 1
                else:
                    names.append(destination.name)
            if not destinations and exchange.alternate is not None:
                names = [exchange.alternate]
            for name in names:
                following = self.exchanges.get(name)
                if following is not None and name not in seen:
                    seen.add(name)
                    pending.append(following)
        return list(queues)


def _binding_values(binding: Binding) -> tuple[str, str, str, str, bytes]:
    destination = binding.destination
    return (
        binding.source,
        destination.kind,
        destination.name,
        binding.routing_key,
        table_bytes(binding.arguments),
    )


def check_exchange(name: str, kind: str, arguments: Table) -> None:
    """Raises AmqpError 503 for an unknown type, 406 for an alternate that is no name."""
    if not kind:
        raise AmqpError(503, "invalid exchange type ''")
    if kind not in TYPES:
        raise AmqpError(503, f"unknown exchange type '{kind}'")
    if not isinstance(arguments.get("alternate-exchange", ""), str):
        raise AmqpError(
            406, f"invalid arg 'alternate-exchange' for exchange '{name}' in vhost '/': a string is expected"
        )


def _check_same(present: Exchange, wanted: Exchange) -> None:
    pairs: list[tuple[str, object, object]] = [
        ("type", wanted.type, present.type),
        ("durable", wanted.durable, present.durable),
        ("auto_delete", wanted.auto_delete, present.auto_delete),
        ("internal", wanted.internal, present.internal),
        (
            "alternate-exchange",
            wanted.arguments.get("alternate-exchange"),
            present.arguments.get("alternate-exchange"),
        ),
    ]
    for name, received, current in pairs:
        if received != current:
            raise inequivalent("exchange", wanted.name, name, received, current)
