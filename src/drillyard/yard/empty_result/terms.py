"""
The terms of a log query that must all hold, each as a query of its own and as a person would write it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from drillyard.telemetry.logs.query.nodes import And, Exists, Field, FieldKind, Match, Node, Not, Or, Text
from drillyard.telemetry.logs.query.words import ANY, ONE


def terms(tree: Node) -> tuple[Node, ...]:
    """The parts that a log must all fit; the tree itself when it has no such parts."""
    return tree.items if isinstance(tree, And) else (tree,)


def without(tree: Node, term: Node) -> Node | None:
    """The query with this term left out; None when nothing remains."""
    rest = tuple(one for one in terms(tree) if one is not term)
    if not rest:
        return None
    return rest[0] if len(rest) == 1 else And(rest)


def matches_in(node: Node) -> Iterator[Match]:
    """The `field:value` parts whose lack may explain why the node finds nothing; not those behind a NOT."""
    if isinstance(node, Match):
        yield node
    elif isinstance(node, And | Or):
        for item in node.items:
            yield from matches_in(item)


def facet_of(field: Field) -> str:
    """The field as the aggregate API names it."""
    return f"@{field.name}" if field.kind is FieldKind.ATTRIBUTE else field.name


def typed(pattern: str) -> str:
    """The pattern with its wildcards as they are typed."""
    return pattern.replace(ANY, "*").replace(ONE, "?")


def readable(node: Node) -> str:
    """The node as a person would write it. For people only: `str(node)` is the query that can be asked."""
    if isinstance(node, Text):
        words = typed(" ".join(node.words))
        return ("*:" if node.anywhere else "") + (f'"{words}"' if len(node.words) > 1 else words)
    if isinstance(node, Match):
        value = typed(node.pattern)
        return f"{_name(node.field)}:" + (value if re.fullmatch(r"[^\s\"()]+", value) else f'"{value}"')
    if isinstance(node, Exists):
        return f"{_name(node.field)}:*"
    if isinstance(node, Not):
        inner = readable(node.item)
        return f"-({inner})" if isinstance(node.item, And | Or) else f"-{inner}"
    if isinstance(node, And):
        return " ".join(f"({readable(item)})" if isinstance(item, Or) else readable(item) for item in node.items)
    if isinstance(node, Or):
        return " OR ".join(readable(item) for item in node.items)
    return str(node)


def _name(field: Field) -> str:
    return "*" if field.kind is FieldKind.ANYWHERE else facet_of(field)
