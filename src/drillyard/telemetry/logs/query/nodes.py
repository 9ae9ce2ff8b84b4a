"""
The tree of a query: eight kinds of nodes, each of which prints itself so that parsing the print gives the same tree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network

from drillyard.telemetry.logs.query.words import ANY, ONE

RESERVED = frozenset({"host", "source", "status", "service", "trace_id", "span_id", "message", "timestamp", "tags"})
"""Fields written without `@` that are no tags."""


class FieldKind(Enum):
    """Where a field's values are looked up."""

    ATTRIBUTE = "@"
    TAG = "tag"
    RESERVED = "reserved"
    ANYWHERE = "*"


@dataclass(frozen=True)
class Field:
    """`@http.method` is an attribute, `kube_namespace` a tag, `service` reserved, `*` every text of the log."""

    kind: FieldKind
    name: str

    def __str__(self) -> str:
        if self.kind is FieldKind.ANYWHERE:
            return "*"
        return ("@" if self.kind is FieldKind.ATTRIBUTE else "") + escape(self.name)


@dataclass(frozen=True)
class All:
    """Every log."""

    def __str__(self) -> str:
        return "*"


@dataclass(frozen=True)
class And:
    """Logs that fit all parts (two or more, none itself an And)."""

    items: tuple[Node, ...]

    def __str__(self) -> str:
        return " AND ".join(f"({item})" if isinstance(item, Or) else str(item) for item in self.items)


@dataclass(frozen=True)
class Or:
    """Logs that fit any part (two or more, none itself an Or)."""

    items: tuple[Node, ...]

    def __str__(self) -> str:
        return " OR ".join(str(item) for item in self.items)


@dataclass(frozen=True)
class Not:
    """Logs that do not fit the part."""

    item: Node

    def __str__(self) -> str:
        return f"NOT ({self.item})" if isinstance(self.item, And | Or) else f"NOT {self.item}"


@dataclass(frozen=True)
class Text:
    """These words one after the other, in the message or, with `anywhere`, in any text of the log."""

    words: tuple[str, ...]
    anywhere: bool = False

    def __str__(self) -> str:
        return ("*:" if self.anywhere else "") + escape(" ".join(self.words))


@dataclass(frozen=True)
class Match:
    """A field's whole value fits the pattern."""

    field: Field
    pattern: str

    def __str__(self) -> str:
        return f"{self.field}:{escape(self.pattern) or EMPTY}"


@dataclass(frozen=True)
class Exists:
    """The field is there."""

    field: Field

    def __str__(self) -> str:
        return f"{self.field}:*"


@dataclass(frozen=True)
class Range:
    """A number between two bounds; None is no bound."""

    field: Field
    low: float | None
    high: float | None
    low_inclusive: bool = True
    high_inclusive: bool = True

    def __str__(self) -> str:
        left, right = "[" if self.low_inclusive else "{", "]" if self.high_inclusive else "}"
        low, high = ("*" if bound is None else repr(bound) for bound in (self.low, self.high))
        return f"{self.field}:{left}{low} TO {high}{right}"


@dataclass(frozen=True)
class Cidr:
    """An address inside one of the blocks."""

    field: Field
    blocks: tuple[IPv4Network | IPv6Network, ...]

    def __str__(self) -> str:
        name = ("@" if self.field.kind is FieldKind.ATTRIBUTE else "") + self.field.name
        return f"CIDR({name}, {', '.join(map(str, self.blocks))})"


Node = All | And | Or | Not | Text | Match | Exists | Range | Cidr

EMPTY = '""'
SPECIAL = frozenset('+-=&|><!(){}[]^"“”~*?:\\#,')
"""Characters that `\\` makes ordinary."""
_OPERATOR = re.compile(r"\A(AND|OR|NOT|CIDR|TO)\Z")


def escape(pattern: str) -> str:
    """The pattern as one would type it outside quotes."""
    typed = []
    for char in pattern:
        if char in (ANY, ONE):
            typed.append("*" if char == ANY else "?")
        else:
            typed.append("\\" + char if char in SPECIAL or char.isspace() else char)
    text = "".join(typed)
    return f"\\{text}" if _OPERATOR.match(text) else text


def conjunction(items: list[Node]) -> Node:
    """All of the items as one node, nested Ands taken in."""
    flat = [part for item in items for part in (item.items if isinstance(item, And) else (item,))]
    return flat[0] if len(flat) == 1 else And(tuple(flat))


def disjunction(items: list[Node]) -> Node:
    """Any of the items as one node, nested Ors taken in."""
    flat = [part for item in items for part in (item.items if isinstance(item, Or) else (item,))]
    return flat[0] if len(flat) == 1 else Or(tuple(flat))
