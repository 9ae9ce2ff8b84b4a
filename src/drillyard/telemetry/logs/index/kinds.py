"""
Kinds of lines: service, host, source, status and tags, the template of the message, the names of the attributes.

A store has few kinds, whatever it has of lines. Where a client makes too many templates (free text), its further lines
have a kind without one (*open*): their messages are indexed word by word. Where it makes too many sets of tags (order
ids as tags), further lines have the kind LOOSE and everything of theirs is indexed. Both are found as exactly, more
slowly.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import orjson

from drillyard.telemetry.logs.index.template import Template, split
from drillyard.telemetry.logs.record import Record

ORIGINS_MAX = 500
"""Different sets of service, host, source, status and tags."""
TEMPLATES_MAX = 200
"""Kinds of one such set, beside its open one."""
KINDS_MAX = 4_000
LOOSE = 0

SCHEMA = """
CREATE TABLE IF NOT EXISTS origin (id INTEGER PRIMARY KEY, parts BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS kind (id INTEGER PRIMARY KEY, origin INTEGER NOT NULL, shape BLOB NOT NULL);
"""

_OriginKey = tuple[str, str, str, str, tuple[str, ...]]
_Shape = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]] | None
"""Fixed texts, forms, paths of attributes; None for an open kind."""


@dataclass(frozen=True)
class Kind:
    """`origin` is a record without time and message; None, like `template` and `paths`, where lines differ in it."""

    number: int
    origin: Record | None = None
    template: Template | None = None
    paths: frozenset[str] | None = None


@dataclass(frozen=True)
class Placed:
    """A record's kind, and the words that its template leaves open."""

    kind: Kind
    variables: list[str]


class Kinds:
    """All kinds of a store. Only its one writer adds; everybody may ask."""

    def __init__(self) -> None:
        self.kinds: list[Kind] = [Kind(LOOSE)]
        """Each at the place of its number."""
        self.loose = False
        """Whether there are lines of the kind LOOSE."""
        self._origins: list[Record] = []
        self._origin_numbers: dict[_OriginKey, int] = {}
        self._numbers: dict[tuple[int, _Shape], int] = {}
        self._per_origin: list[int] = []
        self._templates: dict[tuple[tuple[str, ...], tuple[str, ...]], Template] = {}
        self._unsaved: list[tuple[str, tuple[object, ...]]] = []

    @classmethod
    def load(cls, connection: sqlite3.Connection) -> Kinds:
        """Those that are stored."""
        kinds = cls()
        for (parts,) in connection.execute("SELECT parts FROM origin ORDER BY id"):
            service, host, source, status, tags = orjson.loads(parts)
            kinds._add_origin((service, host, source, status, tuple(tags)))
        for origin, shape in connection.execute("SELECT origin, shape FROM kind ORDER BY id"):
            parts = orjson.loads(shape)
            kinds._add(origin, parts and (tuple(parts[0]), tuple(parts[1]), tuple(parts[2])))
        kinds.loose = connection.execute("SELECT 1 FROM tally WHERE kind = ?", (LOOSE,)).fetchone() is not None
        kinds._unsaved.clear()
        return kinds

    def save(self, connection: sqlite3.Connection) -> None:
        """Stores what is new, in the transaction that is open."""
        for sql, values in self._unsaved:
            connection.execute(sql, values)
        self._unsaved.clear()

    def place(self, record: Record) -> Placed:
        """The record's kind, a new one where there is room."""
        key = (record.service, record.host, record.source, record.status, tuple(record.tags))
        origin = self._origin_numbers.get(key)
        if origin is None:
            if len(self._origins) >= ORIGINS_MAX:
                self.loose = True
                return Placed(self.kinds[LOOSE], [])
            origin = self._add_origin(key)
        parts = split(record.message)
        if parts is not None:
            fixed, variables, forms = parts
            shape = (fixed, forms, tuple(sorted(record.flat)) if record.attributes else ())
            number = self._numbers.get((origin, shape))
            if number is not None:
                return Placed(self.kinds[number], variables)
            if self._per_origin[origin] < TEMPLATES_MAX and len(self.kinds) < KINDS_MAX:
                return Placed(self._add(origin, shape), variables)
        number = self._numbers.get((origin, None))
        return Placed(self._add(origin, None) if number is None else self.kinds[number], [])

    def again(self, record: Record, number: int) -> Placed:
        """How `place` once placed this record, which has this kind."""
        kind = self.kinds[number]
        parts = split(record.message) if kind.template is not None else None
        return Placed(kind, parts[1] if parts else [])

    def _add_origin(self, key: _OriginKey) -> int:
        service, host, source, status, tags = key
        number = len(self._origins)
        self._origins.append(Record(0, "", service, host, source, status, list(tags)))
        self._per_origin.append(0)
        self._origin_numbers[key] = number
        self._unsaved.append(("INSERT INTO origin VALUES (?, ?)", (number, orjson.dumps(key))))
        return number

    def _add(self, origin: int, shape: _Shape) -> Kind:
        number = len(self.kinds)
        if shape is None:
            kind = Kind(number, self._origins[origin])
        else:
            template = self._templates.setdefault(shape[:2], Template(*shape[:2]))
            kind = Kind(number, self._origins[origin], template, frozenset(shape[2]))
            self._per_origin[origin] += 1
        self.kinds.append(kind)
        self._numbers[origin, shape] = number
        self._unsaved.append(("INSERT INTO kind VALUES (?, ?, ?)", (number, origin, orjson.dumps(shape))))
        return kind
