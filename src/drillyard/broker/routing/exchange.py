"""
Exchanges: a name, a type, and the bindings that leave it.

Each type is an index over the bindings that answers one question: where does this message go next?
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from drillyard.broker.errors import AmqpError
from drillyard.broker.message import Message
from drillyard.broker.routing.bindings import Binding, Destination
from drillyard.broker.routing.topic import TopicTree
from drillyard.broker.wire.properties import jsonable
from drillyard.broker.wire.table import Table

TYPES = ("direct", "fanout", "topic", "headers")


class _Index(Protocol):
    def add(self, binding: Binding) -> None: ...

    def remove(self, binding: Binding) -> None: ...

    def match(self, message: Message) -> Iterable[Binding]: ...


class _Direct:
    """By the whole routing key."""

    def __init__(self) -> None:
        self._by_key: dict[str, dict[Binding, None]] = {}

    def add(self, binding: Binding) -> None:
        self._by_key.setdefault(binding.routing_key, {})[binding] = None

    def remove(self, binding: Binding) -> None:
        bindings = self._by_key.get(binding.routing_key, {})
        bindings.pop(binding, None)
        if not bindings:
            self._by_key.pop(binding.routing_key, None)

    def match(self, message: Message) -> Iterable[Binding]:
        return [binding for key in message.routing_keys for binding in self._by_key.get(key, ())]


class _Fanout:
    """Everything goes everywhere."""

    def __init__(self) -> None:
        self._all: dict[Binding, None] = {}

    def add(self, binding: Binding) -> None:
        self._all[binding] = None

    def remove(self, binding: Binding) -> None:
        self._all.pop(binding, None)

    def match(self, message: Message) -> Iterable[Binding]:
        return list(self._all)


class _Topic:
    """By pattern."""

    def __init__(self) -> None:
        self._tree: TopicTree[Binding] = TopicTree()

    def add(self, binding: Binding) -> None:
        self._tree.add(binding.routing_key, binding)

    def remove(self, binding: Binding) -> None:
        self._tree.remove(binding.routing_key, binding)

    def match(self, message: Message) -> Iterable[Binding]:
        return [binding for key in message.routing_keys for binding in self._tree.match(key)]


class _Headers:
    """By header values; `x-match` is all (default), any, all-with-x or any-with-x."""

    def __init__(self) -> None:
        self._all: dict[Binding, None] = {}

    def add(self, binding: Binding) -> None:
        mode = binding.arguments.get("x-match", "all")
        if mode not in ("all", "any", "all-with-x", "any-with-x"):
            raise AmqpError(406, f"Invalid x-match field value {mode!r}; expected all, any, all-with-x or any-with-x")
        self._all[binding] = None

    def remove(self, binding: Binding) -> None:
        self._all.pop(binding, None)

    def match(self, message: Message) -> Iterable[Binding]:
        headers = message.headers
        return [binding for binding in self._all if headers_match(binding.arguments, headers)]


def headers_match(wanted: Table, headers: Table) -> bool:
    """The rule of headers exchanges: a wanted void value only asks for presence; an empty `all` matches everything."""
    mode = str(wanted.get("x-match", "all"))
    hits = [
        name in headers and (value is None or _same(headers[name], value))
        for name, value in wanted.items()
        if name != "x-match" and (mode.endswith("-with-x") or not name.startswith("x-"))
    ]
    return all(hits) if mode.startswith("all") else any(hits)


def _same(left: object, right: object) -> bool:
    return type(left) is type(right) and left == right


_INDEXES: dict[str, type[_Direct] | type[_Fanout] | type[_Topic] | type[_Headers]] = {
    "direct": _Direct,
    "fanout": _Fanout,
    "topic": _Topic,
    "headers": _Headers,
}


@dataclass
class Exchange:
    """`arguments` may hold `alternate-exchange`: where messages go that no binding wants."""

    name: str
    type: str
    durable: bool = False
    auto_delete: bool = False
    internal: bool = False
    arguments: Table = field(default_factory=dict)
    policy: str | None = None
    policy_alternate: str | None = None
    published_in: int = 0
    published_out: int = 0

    def __post_init__(self) -> None:
        self.bindings: dict[Binding, None] = {}
        self._index: _Index = _INDEXES[self.type]()

    @property
    def alternate(self) -> str | None:
        argument = self.arguments.get("alternate-exchange")
        return argument if isinstance(argument, str) else self.policy_alternate

    def add(self, binding: Binding) -> None:
        """Raises AmqpError 406 for arguments that the type cannot use."""
        self._index.add(binding)
        self.bindings[binding] = None

    def remove(self, binding: Binding) -> None:
        self._index.remove(binding)
        self.bindings.pop(binding, None)

    def destinations(self, message: Message) -> list[Destination]:
        """Each destination once, in a stable order."""
        return list(dict.fromkeys(binding.destination for binding in self._index.match(message)))

    def as_json(self) -> Table:
        return {
            "name": self.name,
            "vhost": "/",
            "type": self.type,
            "durable": self.durable,
            "auto_delete": self.auto_delete,
            "internal": self.internal,
            "arguments": jsonable(self.arguments),
            "policy": self.policy,
            "message_stats": {"publish_in": self.published_in, "publish_out": self.published_out},
        }
