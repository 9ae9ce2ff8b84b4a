"""
The meaning of a query: does this record fit? Plain and exact; the index only saves asking it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import ip_address

from drillyard.telemetry.logs.query.nodes import (
    All,
    And,
    Cidr,
    Exists,
    Field,
    FieldKind,
    Match,
    Node,
    Not,
    Or,
    Range,
    Text,
)
from drillyard.telemetry.logs.query.words import ANY, ONE, glob, is_wild, words
from drillyard.telemetry.logs.record import Record


def matches(node: Node, record: Record) -> bool:
    """Whether the record fits the query."""
    match node:
        case All():
            return True
        case And():
            return all(matches(item, record) for item in node.items)
        case Or():
            return any(matches(item, record) for item in node.items)
        case Not():
            return not matches(node.item, record)
        case Text():
            texts = all_texts(record) if node.anywhere else (record.message,)
            return any(_has_words(node.words, text) for text in texts)
        case Match():
            return _fits(node.pattern, values(node.field, record))
        case Exists():
            return _exists(node.field, record)
        case Range():
            return any(_between(node, number(text)) for text in values(node.field, record))
        case Cidr():
            return any(_inside(node, text) for text in values(node.field, record))


def values(field: Field, record: Record) -> list[str]:
    """The field's values as text; tags and reserved fields in lower case, as queries are."""
    if field.kind is FieldKind.ATTRIBUTE:
        return record.flat.get(field.name, [])
    if field.kind is FieldKind.TAG:
        return record.tag_values.get(field.name, [])
    match field.name:
        case "service":
            found = record.service
        case "host":
            found = record.host
        case "source":
            found = record.source
        case "status":
            found = record.status
        case "tags":
            return record.tags
        case "timestamp":
            found = str(record.timestamp_ms)
        case "trace_id" | "span_id":
            found = str(record.hidden.get(field.name, ""))
        case _:
            found = record.message
    return [found.lower()] if found else []


def all_texts(record: Record) -> Iterator[str]:
    """Every text of the record: message, reserved fields, tags and attribute values."""
    yield from (record.message, record.service, record.host, record.source, record.status)
    yield from record.tags
    for found in record.flat.values():
        yield from found


def number(text: str) -> float:
    """The text as a number, or nan; numeric strings count."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _exists(field: Field, record: Record) -> bool:
    if field.kind is FieldKind.ATTRIBUTE:
        return field.name in record.flat
    return bool(values(field, record))


def _fits(pattern: str, found: Iterable[str]) -> bool:
    if not is_wild(pattern):
        return pattern in found
    expression = glob(pattern)
    return any(expression.match(text) for text in found)


def _has_words(patterns: tuple[str, ...], text: str) -> bool:
    lowered = text.lower()
    if not all(piece in lowered for piece in _pieces(patterns)):
        return False  # Much quicker than cutting the text into words.
    found = words(text)
    tests = [glob(pattern).match if is_wild(pattern) else pattern.__eq__ for pattern in patterns]
    for start in range(len(found) - len(tests) + 1):
        if all(test(word) for test, word in zip(tests, found[start:], strict=False)):
            return True
    return False


@lru_cache(maxsize=256)
def _pieces(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The literal parts of word patterns."""
    return tuple(piece for pattern in patterns for piece in re.split(f"[{ANY}{ONE}]+", pattern) if piece)


def _between(node: Range, value: float) -> bool:
    if math.isnan(value):
        return False
    above = node.low is None or value > node.low or (node.low_inclusive and value == node.low)
    below = node.high is None or value < node.high or (node.high_inclusive and value == node.high)
    return above and below


def _inside(node: Cidr, text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address.version == block.version and address in block for block in node.blocks)
