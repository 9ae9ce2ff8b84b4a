"""
Field tables, read without trusting them.

pamqp decodes values but lets a truncated string pass as a shorter one, so every length is checked here first. Entries
can be kept as raw bytes: a message that is dead-lettered gains a header, and must not lose the types of the others.
"""

from __future__ import annotations

import struct
from datetime import datetime
from decimal import Decimal
from typing import Any

from pamqp import decode

from drillyard.broker.errors import AmqpError

NESTING_MAX = 32
_FIXED_BYTES = {
    b"t": 1, b"b": 1, b"B": 1, b"s": 2, b"u": 2, b"I": 4, b"i": 4, b"l": 8, b"L": 8,
    b"f": 4, b"d": 8, b"D": 5, b"T": 8, b"V": 0,
}  # fmt: skip
_U32 = struct.Struct(">I")

Table = dict[str, Any]
RawEntry = tuple[bytes, bytes]  # key, value with its type byte


def malformed(what: str) -> AmqpError:
    return AmqpError(502, f"malformed {what}")


def raw_entries(content: bytes, depth: int = 0) -> list[RawEntry]:
    """The entries of a table given without its length; raises AmqpError 502 when any length does not fit."""
    entries: list[RawEntry] = []
    at = 0
    while at < len(content):
        key_end = at + 1 + content[at]
        value_end = _value_end(content, key_end, depth)
        entries.append((content[at + 1 : key_end], content[key_end:value_end]))
        at = value_end
    return entries


def _value_end(content: bytes, at: int, depth: int) -> int:
    kind = content[at : at + 1]
    if kind in _FIXED_BYTES:
        end = at + 1 + _FIXED_BYTES[kind]
    elif kind in (b"S", b"x", b"F", b"A"):
        end = _sized_value_end(content, at, depth)
    else:
        raise malformed("table: an unknown value type" if kind else "table: it ends inside an entry")
    if end > len(content):
        raise malformed("table: a value is longer than the table")
    return end


def _sized_value_end(content: bytes, at: int, depth: int) -> int:
    if at + 5 > len(content):
        raise malformed("table: a length is cut off")
    end = at + 5 + int(_U32.unpack_from(content, at + 1)[0])
    kind = content[at : at + 1]
    if kind in (b"F", b"A") and end <= len(content):
        if depth >= NESTING_MAX:
            raise malformed(f"table: nested deeper than {NESTING_MAX}")
        inner = content[at + 5 : end]
        if kind == b"F":
            raw_entries(inner, depth + 1)
        else:
            raw_items(inner, depth + 1)
    return end


def raw_items(content: bytes, depth: int = 0) -> list[bytes]:
    """The values of an array given without its length, each with its type byte."""
    items: list[bytes] = []
    at = 0
    while at < len(content):
        end = _value_end(content, at, depth)
        items.append(content[at:end])
        at = end
    return items


def read_table(data: bytes, at: int) -> tuple[Table, int]:
    """The table that starts at `at` (with its length) and where it ends. Raises AmqpError 502."""
    content, end = read_long_bytes(data, at)
    return decode_table(content), end


def read_long_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """A length-prefixed piece (long string or table). Raises AmqpError 502 when it does not fit."""
    if at + 4 > len(data):
        raise malformed("length")
    end = at + 4 + int(_U32.unpack_from(data, at)[0])
    if end > len(data):
        raise malformed("length: longer than the frame")
    return data[at + 4 : end], end


def decode_table(content: bytes) -> Table:
    """A table given without its length, as Python values. Raises AmqpError 502."""
    return {_key(key): decode_value(value) for key, value in raw_entries(content)}


def _key(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise malformed("table: a key is not UTF-8") from error


def decode_value(raw: bytes) -> Any:
    """One value with its type byte, already walked by `raw_entries`. Raises AmqpError 502."""
    kind = raw[:1]
    if kind == b"F":
        return decode_table(raw[5:])
    if kind == b"A":
        return [decode_value(item) for item in raw_items(raw[5:])]
    try:
        return decode.embedded_value(raw)[1]
    except (ValueError, OverflowError, OSError, ArithmeticError, struct.error) as error:
        raise malformed("table: a value is out of range") from error


def encode_table(table: Table) -> bytes:
    """
    A table with its length, in the dict's order. Raises TypeError or ValueError for what AMQP cannot carry.

    Not pamqp's encoder: that one narrows every float to 32 bits.
    """
    parts: list[bytes] = []
    for key, value in table.items():
        raw = key.encode()
        if len(raw) > 255:
            raise ValueError("a table's key holds 255 bytes at most")
        parts += (bytes((len(raw),)), raw, encode_value(value))
    return _with_length(b"".join(parts))


def encode_value(value: Any) -> bytes:
    """One value with its type byte."""
    if value is None:
        return b"V"
    if isinstance(value, bool):
        return b"t" + bytes((value,))
    if isinstance(value, int):
        return _encode_int(value)
    if isinstance(value, float):
        return b"d" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"S" + _with_length(value.encode())
    if isinstance(value, bytes | bytearray):
        return b"x" + _with_length(bytes(value))
    if isinstance(value, dict):
        return b"F" + encode_table(value)
    if isinstance(value, list):
        return b"A" + _with_length(b"".join(encode_value(item) for item in value))
    if isinstance(value, datetime):
        return b"T" + struct.pack(">Q", int(value.timestamp()))
    if isinstance(value, Decimal):
        return _encode_decimal(value)
    raise TypeError(f"AMQP cannot carry a {type(value).__name__}")


def _encode_int(value: int) -> bytes:
    if -(2**31) <= value < 2**31:
        return b"I" + value.to_bytes(4, "big", signed=True)
    if not -(2**63) <= value < 2**63:
        raise ValueError("a whole number of at most 64 bits is expected")
    return b"l" + value.to_bytes(8, "big", signed=True)


def _encode_decimal(value: Decimal) -> bytes:
    """A scale of one byte and a signed number of four, as pamqp reads it."""
    sign, digits, exponent = value.as_tuple()
    number = int("".join(map(str, digits))) * (-1 if sign else 1)
    if not isinstance(exponent, int) or not -255 <= exponent <= 0 or not -(2**31) <= number < 2**31:
        raise ValueError(f"AMQP cannot carry the decimal {value}")
    return b"D" + bytes((-exponent,)) + number.to_bytes(4, "big", signed=True)


def _with_length(content: bytes) -> bytes:
    return _U32.pack(len(content)) + content


def join_entries(entries: list[RawEntry]) -> bytes:
    """Raw entries as a table with its length."""
    return _with_length(b"".join(bytes((len(key),)) + key + value for key, value in entries))
