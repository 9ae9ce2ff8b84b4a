"""
Kinds of lines: service, host, source, status and tags, the template of the message, the names of the attributes, and
the values of those attributes that are always one of a few (methods, routes, status codes).

A store has few kinds, whatever it has of lines. Where a client makes too many templates (free text), its further lines
have a kind without one (*open*): their messages are indexed word by word. Where it makes too many sets of tags (order
ids as tags), further lines have the kind LOOSE and everything of theirs is indexed. Both are found as exactly, more
slowly.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

import orjson

from drillyard.telemetry.logs.index.template import Template, split
from drillyard.telemetry.logs.record import Attributes, Record, flattened

ORIGINS_MAX = 500
"""Different sets of service, host, source, status and tags."""
TEMPLATES_MAX = 200
"""Kinds of one such set, beside its open one."""
CONSTANT_KINDS_MAX = 100
"""Kinds of one such set that fix values of attributes; further ones fix their names only."""
KINDS_MAX = 4_000
LOOSE = 0
NO_CONSTANTS = Record(0, "", status="")
FEW_VALUES = 16
"""An attribute with more different values than this is one that varies."""
CONSTANT_LENGTH_MAX = 100
WATCHED_MAX = 1_000
"""Attributes whose values are counted; any further one varies."""
PATHS_MAX = 100
"""A kind names no more attributes than this; lines that have more are of an open kind."""
_NONE_YET: frozenset[str | int] = frozenset()

SCHEMA = """
CREATE TABLE IF NOT EXISTS origin (id INTEGER PRIMARY KEY, parts BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS kind (id INTEGER PRIMARY KEY, origin INTEGER NOT NULL, shape BLOB NOT NULL);
"""

_OriginKey = tuple[str, str, str, str, tuple[str, ...]]
_Constants = tuple[tuple[str, str | int], ...]
_Shape = tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...], _Constants] | None
"""Fixed texts, forms, paths of attributes that vary, attributes that do not; None for an open kind."""


@dataclass(frozen=True)
class Kind:
    """
    `origin` is a record without time, message and attributes; None, like `template` and `paths`, where lines differ in
    it. `paths` are those of attributes that vary; `constants` holds, as a record, those that do not.
    """

    number: int
    origin: Record | None = None
    template: Template | None = None
    paths: frozenset[str] | None = None
    constants: Record = field(default_factory=lambda: NO_CONSTANTS)


@dataclass(frozen=True)
class Placed:
    """A record's kind and what the kind leaves open: the words of its template (or the message), its attributes."""

    kind: Kind
    text: list[str] | str
    varying: Attributes
    flat: dict[str, list[str]]
    """Of `varying`, as in a record."""


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
        self._constants: dict[_Constants, Record] = {(): NO_CONSTANTS}
        self._few: dict[str, frozenset[str | int] | None] = {}
        """The values of each attribute so far; None once there were too many."""
        self._unsaved: list[tuple[str, tuple[object, ...]]] = []

    @classmethod
    def load(cls, connection: sqlite3.Connection) -> Kinds:
        """Those that are stored."""
        kinds = cls()
        for (parts,) in connection.execute("SELECT parts FROM origin ORDER BY id"):
            service, host, source, status, tags = orjson.loads(parts)
            kinds._add_origin((service, host, source, status, tuple(tags)))
        for origin, shape in connection.execute("SELECT origin, shape FROM kind ORDER BY id"):
            kinds._add(origin, _read_shape(shape))
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
                return self.again(LOOSE, record.message, record.attributes)
            origin = self._add_origin(key)
        parts = split(record.message)
        if parts is not None:
            fixed, variables, forms = parts
            varying, constants = self._parted(record.attributes) if record.attributes else (record.attributes, ())
            flat = flattened(varying) if varying else {}
            shape = (fixed, forms, tuple(sorted(flat)), constants)
            number = self._numbers.get((origin, shape))
            if number is None and constants and self._per_origin[origin] >= CONSTANT_KINDS_MAX:
                varying, flat = record.attributes, record.flat
                shape = (fixed, forms, tuple(sorted(flat)), ())
                number = self._numbers.get((origin, shape))
            if number is not None:
                return Placed(self.kinds[number], variables, varying, flat)
            if self._has_room(origin, len(shape[2])):
                return Placed(self._add(origin, shape), variables, varying, flat)
        number = self._numbers.get((origin, None))
        return self.again(
            self._add(origin, None).number if number is None else number, record.message, record.attributes
        )

    def again(self, number: int, text: list[str] | str, varying: Attributes) -> Placed:
        """What `place` once made of a record that is now stored."""
        return Placed(self.kinds[number], text, varying, flattened(varying) if varying else {})

    def _has_room(self, origin: int, paths: int) -> bool:
        within = self._per_origin[origin] < TEMPLATES_MAX and len(self.kinds) < KINDS_MAX
        return within and paths <= PATHS_MAX

    def _parted(self, attributes: Attributes) -> tuple[Attributes, _Constants]:
        """What varies, and what has one of a few values."""
        varying: Attributes = {}
        constants: list[tuple[str, str | int]] = []
        for name, value in attributes.items():
            # Equal values of these types are the same; `1` is not `true`, nor `1.0`.
            if type(value) is int or (type(value) is str and len(value) <= CONSTANT_LENGTH_MAX):
                values = self._few.get(name, _NONE_YET)
                if values is not None and (value in values or self._note(name, value, values)):
                    constants.append((name, value))
                    continue
            varying[name] = value
        return varying, tuple(constants)

    def _note(self, name: str, value: str | int, before: frozenset[str | int]) -> bool:
        """Adds a value to those of an attribute; False when these are too many now."""
        if before is _NONE_YET and len(self._few) >= WATCHED_MAX:
            return False
        self._few[name] = before | {value} if len(before) < FEW_VALUES else None
        return self._few[name] is not None

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
            constants = self._constants.setdefault(shape[3], Record(0, "", status="", attributes=dict(shape[3])))
            for name, value in shape[3]:
                self._few[name] = (self._few.get(name) or _NONE_YET) | {value}
            kind = Kind(number, self._origins[origin], template, frozenset(shape[2]), constants)
            self._per_origin[origin] += 1
        self.kinds.append(kind)
        self._numbers[origin, shape] = number
        self._unsaved.append(("INSERT INTO kind VALUES (?, ?, ?)", (number, origin, orjson.dumps(shape))))
        return kind


def _read_shape(stored: bytes) -> _Shape:
    parts = orjson.loads(stored)
    if parts is None:
        return None
    fixed, forms, paths, constants = parts
    return tuple(fixed), tuple(forms), tuple(paths), tuple((name, value) for name, value in constants)
