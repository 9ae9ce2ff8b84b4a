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


def kind_word(number: int) -> str:
    """The index word of a kind."""
    return f"{MARK}{number}"


@lru_cache(maxsize=4096)
def term(name: str, value: str) -> str:
    """One opaque index word for a field and its value."""
    return f"{MARK}k" + hashlib.blake2b(f"{name}\0{value}".encode(errors="surrogatepass"), digest_size=10).hexdigest()


def index_word(word: str) -> str:
    """
    A word of the message as the index keeps it: ASCII, so that SQLite's tokenizer and ours cannot disagree.

    The hexadecimal form keeps prefixes: `é*` is a prefix search, too.
    """
    if word.isascii() and not word.startswith(ESCAPED):
        return word
    return ESCAPED + word.encode(errors="surrogatepass").hex()


def index_text(record: Record, placed: Placed) -> str:
    """What the index holds for this record; made again, word by word the same, to take it out."""
    kind = placed.kind
    found = [kind_word(kind.number)]
    if kind.template is not None:
        found += placed.variables
    else:
        found.append(_index_message(record.message))
    if kind.origin is None:
        found += sorted({term(name, value) for name, value in indexed_pairs(record)})
    if record.attributes:
        if kind.paths is None:
            found += [term("@", path) for path in record.flat]
        found += [term("@" + path, value) for path, values in record.flat.items() for value in values]
    if record.hidden:
        found += [term(name, str(record.hidden[name]).lower()) for name in TRACE_FIELDS if name in record.hidden]
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
