"""
The words of the full-text index, which has one column.

Words of messages stand there as they are; whatever else a line can be found by (an attribute's value, its kind, a tag
of a line without a kind) is one opaque word that begins with MARK, which no message word can.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache

from drillyard.telemetry.logs.index.kinds import Placed
from drillyard.telemetry.logs.index.template import LONG_WORD
from drillyard.telemetry.logs.query.words import words
from drillyard.telemetry.logs.record import Record

MARK = "§"
TRACE_FIELDS = ("trace_id", "span_id")
ESCAPED = "__x"
TERM_KEPT_MAX = 200
"""Terms of longer values are not remembered: a thousand values of a megabyte would fill the memory."""


def kind_word(number: int) -> str:
    """The index word of a kind."""
    return f"{MARK}{number}"


def term(name: str, value: str) -> str:
    """One opaque index word for a field and its value."""
    if len(value) <= TERM_KEPT_MAX:
        return _short_term(name, value)
    return _digest(name, value)


@lru_cache(maxsize=1024)
def _short_term(name: str, value: str) -> str:
    return _digest(name, value)


def _digest(name: str, value: str) -> str:
    return f"{MARK}k" + hashlib.blake2b(f"{name}\0{value}".encode(errors="surrogatepass"), digest_size=10).hexdigest()


def id_term(name: str, value: str) -> str:
    """The index word of a trace or span: ids are unique, so hashing them would be work for nothing."""
    if len(value) <= 32 and value.isascii() and value.isalnum():
        return f"{MARK}{name[0]}{value}"
    return _digest(name, value)


def index_word(word: str) -> str:
    """
    A word of the message as the index keeps it: ASCII, so that SQLite's tokenizer and ours cannot disagree.

    The hexadecimal form keeps prefixes: `é*` is a prefix search, too.
    """
    if word.isascii() and not word.startswith(ESCAPED):
        return word
    return ESCAPED + word.encode(errors="surrogatepass").hex()


def index_text(record: Record, placed: Placed) -> str:
    """
    What the index holds for this record; made again, word by word the same, to take it out.

    Of the record only what no kind fixes is looked at: its origin where the kind has none, and the hidden ids.
    """
    kind = placed.kind
    found = [kind_word(kind.number)]
    if isinstance(placed.text, list):
        found += placed.text
    else:
        found.append(_index_message(placed.text))
    if kind.origin is None:
        found += sorted({term(name, value) for name, value in indexed_pairs(record)})
    if placed.flat:
        if kind.paths is None:
            found += [term("@", path) for path in placed.flat]
        found += [term("@" + path, value) for path, values in placed.flat.items() for value in values]
    if record.hidden:
        found += [id_term(name, str(record.hidden[name]).lower()) for name in TRACE_FIELDS if name in record.hidden]
    return " ".join(found)


def _index_message(message: str) -> str:
    """The words of the message; plain ASCII is left to SQLite, whose tokenizer then cuts as we do."""
    if message.isascii() and "\0" not in message and "__" not in message and not LONG_WORD.search(message):
        return message
    return " ".join(map(index_word, words(message)))


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
