"""
Message properties, kept as the publisher sent them.

A broker passes properties on; it reads four of them and changes two. So they stay raw bytes, cut into fields once, and
what is not understood arrives unchanged.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

from drillyard.broker.wire import table as tables
from drillyard.broker.wire.table import RawEntry, Table, malformed

_U16 = struct.Struct(">H")
# Name, flag and kind of each field, in wire order (AMQP 0-9-1 §4.2.6.1 and the basic class).
FIELDS = (
    ("content_type", 0x8000, "short"),
    ("content_encoding", 0x4000, "short"),
    ("headers", 0x2000, "long"),
    ("delivery_mode", 0x1000, 1),
    ("priority", 0x0800, 1),
    ("correlation_id", 0x0400, "short"),
    ("reply_to", 0x0200, "short"),
    ("expiration", 0x0100, "short"),
    ("message_id", 0x0080, "short"),
    ("timestamp", 0x0040, 8),
    ("type", 0x0020, "short"),
    ("user_id", 0x0010, "short"),
    ("app_id", 0x0008, "short"),
    ("cluster_id", 0x0004, "short"),
)
_KNOWN_FLAGS = sum(flag for _, flag, _ in FIELDS)


@dataclass(slots=True)
class Properties:
    """The fields present, each as its raw bytes without a length prefix (`headers`: the table's entries)."""

    fields: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: bytes) -> Properties:
        """Reads flags and fields; raises AmqpError 502 when a length does not fit."""
        if len(raw) < 2:
            raise malformed("properties: the flags are missing")
        flags = _U16.unpack_from(raw)[0]
        if flags & ~_KNOWN_FLAGS:
            raise malformed("properties: unknown flags")
        at = 2
        fields: dict[str, bytes] = {}
        for name, flag, kind in FIELDS:
            if not flags & flag:
                continue
            if kind == "short":
                start = at + 1
                end = start + raw[at] if at < len(raw) else start
            elif kind == "long":
                _, end = tables.read_long_bytes(raw, at)
                start = at + 4
                tables.raw_entries(raw[start:end])
            else:
                start, end = at, at + int(kind)
            if end > len(raw):
                raise malformed(f"properties: {name} is cut off")
            fields[name] = raw[start:end]
            at = end
        if at != len(raw):
            raise malformed("properties: bytes after the last field")
        return cls(fields)

    def pack(self) -> bytes:
        """Flags and fields as they go over the wire."""
        flags = 0
        parts: list[bytes] = []
        for name, flag, kind in FIELDS:
            value = self.fields.get(name)
            if value is None:
                continue
            flags |= flag
            if kind == "short":
                parts.append(bytes((len(value),)))
            elif kind == "long":
                parts.append(struct.pack(">I", len(value)))
            parts.append(value)
        return _U16.pack(flags) + b"".join(parts)

    @property
    def persistent(self) -> bool:
        return self.fields.get("delivery_mode") == b"\x02"

    def text(self, name: str) -> str | None:
        """A short string field, or None when absent; bytes that are not UTF-8 become replacement characters."""
        value = self.fields.get(name)
        return None if value is None else value.decode("utf-8", "replace")

    def header_entries(self) -> list[RawEntry]:
        return tables.raw_entries(self.fields.get("headers", b""))

    def headers(self) -> Table:
        """The headers as Python values. Raises AmqpError 502 for values out of range."""
        return tables.decode_table(self.fields.get("headers", b""))

    def set_header_entries(self, entries: list[RawEntry]) -> None:
        self.fields["headers"] = tables.join_entries(entries)[4:]

    def as_json(self) -> Table:
        """The fields as the management API shows them."""
        shown: Table = {}
        for name, _, kind in FIELDS:
            value = self.fields.get(name)
            if value is None:
                continue
            if kind == "short":
                shown[name] = value.decode("utf-8", "replace")
            elif kind == "long":
                shown[name] = jsonable(self.headers())
            else:
                shown[name] = int.from_bytes(value, "big")
        return shown


def jsonable(value: Any) -> Any:
    """A decoded AMQP value as JSON can carry it: bytes as text, times as epoch seconds, decimals as numbers."""
    if isinstance(value, dict):
        return {key: jsonable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [jsonable(inner) for inner in value]
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if hasattr(value, "timestamp"):
        return int(value.timestamp())
    return float(value)


def from_json(given: Table) -> Properties:
    """The reverse of `as_json`. Raises TypeError or ValueError for what AMQP cannot carry or does not know."""
    fields: dict[str, bytes] = {}
    known = {name: kind for name, _, kind in FIELDS}
    for name, value in given.items():
        kind = known.get(name)
        if kind is None:
            raise ValueError(f"there is no property {name}")
        if kind == "long":
            if not isinstance(value, dict):
                raise TypeError(f"{name} must be an object")
            fields[name] = tables.encode_table(value)[4:]
        elif kind == "short":
            fields[name] = _short(name, value)
        else:
            fields[name] = _integer(name, value, int(kind))
    return Properties(fields)


def _short(name: str, value: Any) -> bytes:
    if not isinstance(value, str) or len(value.encode("utf-8", "replace")) > 255:
        raise TypeError(f"{name} must be text of at most 255 bytes")
    return value.encode("utf-8", "replace")


def _integer(name: str, value: Any, size: int) -> bytes:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 8 * size:
        raise TypeError(f"{name} must be a whole number of {size} bytes")
    return value.to_bytes(size, "big")
