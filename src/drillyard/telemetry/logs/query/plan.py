"""
From a tree to one full-text expression, so that the index does the work.

A plan is either exact (the expression finds just the matching records, so counting needs no record) or a superset (the
matcher must still be asked for each). It never misses a record: what the index cannot say becomes "every record".

The index has two columns. `message` holds the words of the message. `terms` holds one opaque word for each
`field:value` that a record has, one for each attribute path, and EVERY for all. A record whose service, host, source,
status and tags are a numbered set (`logs/origins.py`) has one word for the set instead of one for each value.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from drillyard.telemetry.logs.query.nodes import All, And, Exists, Field, FieldKind, Match, Node, Not, Or, Text
from drillyard.telemetry.logs.query.words import ANY, WORD_LENGTH_MAX, is_wild, words
from drillyard.telemetry.logs.record import Record

EVERY = "every"
ALTERNATIVES_MAX = 200
"""A wildcard that fits more known values than this is left to the matcher."""
TRACE_FIELDS = ("trace_id", "span_id")
_ESCAPED = "__x"

_LONG_WORD = re.compile(rf"\w{{{WORD_LENGTH_MAX + 1}}}", re.ASCII)


class Known(Protocol):
    """What a store knows of tags and reserved fields (`service`, `tag env`)."""

    def values(self, name: str, pattern: str) -> list[str] | None:
        """The stored values that fit, None when there are too many."""

    def origins(self, name: str, values: Sequence[str]) -> list[int]:
        """The numbered sets that hold one of the values."""


@dataclass(frozen=True)
class Plan:
    """`expression` is FTS5 syntax, None for every record."""

    expression: str | None
    exact: bool


def index_text(record: Record, origin: int | None = None) -> tuple[str, str]:
    """What the two columns hold for this record, whose tags and reserved fields are the set `origin`, if given."""
    terms: set[str] = set()
    if origin is None:
        terms = {term(name, value) for name, value in indexed_pairs(record)}
    if record.attributes:
        for path, found in record.flat.items():
            terms.add(term("@", path))
            terms.update(term("@" + path, value) for value in found)
    for name in TRACE_FIELDS:
        if name in record.hidden:
            terms.add(term(name, str(record.hidden[name]).lower()))
    first = EVERY if origin is None else f"{EVERY} {origin_word(origin)}"
    # Sorted, because taking a record out of the index needs the very same text again.
    return _index_message(record.message), " ".join([first, *sorted(terms)])


def _index_message(message: str) -> str:
    """The words of the message; plain ASCII is left to SQLite, whose tokenizer then cuts as we do."""
    if (
        message.isascii()
        and "\0" not in message
        and _ESCAPED not in message.lower()
        and (len(message) <= WORD_LENGTH_MAX or not _LONG_WORD.search(message))
    ):
        return message
    return " ".join(map(index_word, words(message)))


def origin_word(number: int) -> str:
    """The index word of a numbered set."""
    return f"o{number}"


def indexed_pairs(record: Record) -> Iterator[tuple[str, str]]:
    """Tags and reserved fields with their values: so few that wildcards over them are looked up in a list."""
    reserved = {"service": record.service, "host": record.host, "source": record.source, "status": record.status}
    for name, value in reserved.items():
        if value:
            yield name, value.lower()
    for key, values in record.tag_values.items():
        if key != "tags":
            yield from (("tag " + key, value) for value in values)
    yield from (("tags", tag) for tag in record.tags)


@lru_cache(maxsize=4096)
def term(name: str, value: str) -> str:
    """One opaque index word for a field and its value."""
    return "k" + hashlib.blake2b(f"{name}\0{value}".encode(errors="surrogatepass"), digest_size=10).hexdigest()


def index_word(word: str) -> str:
    """
    A word of the message as the index keeps it: ASCII, so that SQLite's tokenizer and ours cannot disagree.

    The hexadecimal form keeps prefixes: `é*` is a prefix search, too.
    """
    if word.isascii() and not word.startswith(_ESCAPED):
        return word
    return _ESCAPED + word.encode(errors="surrogatepass").hex()


def plan(node: Node, known: Known) -> Plan:
    """The best expression for a tree."""
    match node:
        case All():
            return Plan(None, exact=True)
        case And():
            return _all(node, known)
        case Or():
            return _any([plan(item, known) for item in node.items])
        case Not():
            inner = plan(node.item, known)
            if not inner.exact:
                return Plan(None, exact=False)
            return Plan(_nothing() if inner.expression is None else f"({_every()} NOT {inner.expression})", exact=True)
        case Text():
            return _text(node)
        case Match():
            return _match(node, known)
        case Exists():
            return _exists(node.field, known)
        case _:  # Range, Cidr: only that the attribute is there.
            return Plan(_exists(node.field, known).expression, exact=False)


def _every() -> str:
    return f"terms:{EVERY}"


def _nothing() -> str:
    return "terms:nothing"


def _terms(found: list[str]) -> str:
    return f"terms:({' OR '.join(found)})" if found else _nothing()


def _all(node: And, known: Known) -> Plan:
    wanted: list[str] = []
    unwanted: list[str] = []
    exact = True
    for item in node.items:
        negative = isinstance(item, Not)
        part = plan(item.item if isinstance(item, Not) else item, known)
        exact = exact and part.exact
        if negative and part.exact:
            unwanted.append(part.expression or _every())
        elif not negative and part.expression is not None:
            wanted.append(part.expression)
    if not wanted and not unwanted:
        return Plan(None, exact)
    positive = f"({' AND '.join(wanted or [_every()])})"
    return Plan(f"({positive} NOT ({' OR '.join(unwanted)}))" if unwanted else positive, exact)


def _any(parts: list[Plan]) -> Plan:
    expressions = [part.expression for part in parts if part.expression is not None]
    exact = all(part.exact for part in parts)
    if len(expressions) < len(parts):
        # One part is every record: exactly so, or as far as the index knows.
        certain = any(part.expression is None and part.exact for part in parts)
        return Plan(None, exact or certain)
    return Plan(f"({' OR '.join(expressions)})", exact)


def _text(node: Text) -> Plan:
    if node.anywhere:
        return Plan(None, exact=False)
    *first, last = node.words
    prefix = last.endswith(ANY) and not is_wild(last[:-1]) and len(last) > 1 and not _ESCAPED.startswith(last[:-1])
    plain = [*first, last[:-1] if prefix else last]
    if any(is_wild(word) for word in plain):
        usable = [f"message:{index_word(word)}" for word in plain if not is_wild(word)]
        return Plan(f"({' AND '.join(usable)})" if usable else None, exact=False)
    phrase = " ".join(map(index_word, plain))
    return Plan(f'message:"{phrase}"{" *" if prefix else ""}', exact=True)


def _name(field: Field) -> str:
    return f"tag {field.name}" if field.kind is FieldKind.TAG else field.name


def _listed(field: Field) -> bool:
    return field.kind is FieldKind.TAG or field.name in ("service", "host", "source", "status", "tags")


def _match(node: Match, known: Known) -> Plan:
    field = node.field
    if field.kind is FieldKind.ATTRIBUTE:
        if is_wild(node.pattern):
            return Plan(_terms([term("@", field.name)]), exact=False)
        return Plan(_terms([term("@" + field.name, node.pattern)]), exact=True)
    if field.name in TRACE_FIELDS and field.kind is FieldKind.RESERVED and node.pattern and not is_wild(node.pattern):
        return Plan(_terms([term(field.name, node.pattern)]), exact=True)
    if not _listed(field):
        return Plan(None, exact=False)
    if not is_wild(node.pattern):
        return _one_of(_name(field), [node.pattern], known)
    return _alternatives(field, node.pattern, known)


def _exists(field: Field, known: Known) -> Plan:
    if field.kind is FieldKind.ATTRIBUTE:
        return Plan(_terms([term("@", field.name)]), exact=True)
    return _alternatives(field, ANY, known) if _listed(field) else Plan(None, exact=False)


def _alternatives(field: Field, pattern: str, known: Known) -> Plan:
    found = known.values(_name(field), pattern)
    if found is None:
        return Plan(None, exact=False)
    return _one_of(_name(field), found, known)


def _one_of(name: str, values: Sequence[str], known: Known) -> Plan:
    terms = [term(name, value) for value in values]
    terms += map(origin_word, known.origins(name, values))
    return Plan(_terms(terms), exact=True)
