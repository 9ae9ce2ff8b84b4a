"""
Bindings: from an exchange to a queue or another exchange, known by their whole content.

Binding twice the same way is one binding (AMQP 0-9-1, queue.bind); with other arguments it is another one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote_plus

from drillyard.broker.wire.properties import jsonable
from drillyard.broker.wire.table import Table, encode_table

Kind = Literal["queue", "exchange"]


@dataclass(frozen=True)
class Destination:
    kind: Kind
    name: str


def freeze(value: Any) -> Any:
    """A decoded AMQP value as something hashable, so that equal arguments are equal whatever their order."""
    if isinstance(value, dict):
        return tuple(sorted((key, freeze(inner)) for key, inner in value.items()))
    if isinstance(value, list):
        return tuple(freeze(inner) for inner in value)
    if isinstance(value, bytearray):
        return bytes(value)
    return (type(value).__name__, value)


@dataclass(frozen=True)
class Binding:
    source: str
    destination: Destination
    routing_key: str
    arguments: Table = field(default_factory=dict, hash=False, compare=False)
    durable: bool = field(default=False, hash=False, compare=False)
    _frozen_arguments: Any = None

    @classmethod
    def make(
        cls, source: str, destination: Destination, routing_key: str, arguments: Table, *, durable: bool = False
    ) -> Binding:
        return cls(source, destination, routing_key, dict(arguments), durable, freeze(arguments))

    @property
    def properties_key(self) -> str:
        """Its name in the management API: the escaped key, and a digest of the arguments if any."""
        key = quote_plus(self.routing_key, safe="").replace("~", "%7E")
        if not self.arguments:
            return key or "~"
        digest = hashlib.sha256(encode_table(self.arguments)).hexdigest()[:16]
        return f"{key}~{digest}"

    def as_json(self) -> Table:
        return {
            "source": self.source,
            "vhost": "/",
            "destination": self.destination.name,
            "destination_type": self.destination.kind,
            "routing_key": self.routing_key,
            "arguments": jsonable(self.arguments),
            "properties_key": self.properties_key,
        }
