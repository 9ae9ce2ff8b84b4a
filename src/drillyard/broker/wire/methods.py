"""
Methods: pamqp's definitions, read with every length checked.

A method that does not decode ends the connection with 502 and never raises anything else, whatever the bytes.
"""

from __future__ import annotations

import struct
from typing import Any

from pamqp import base, commands, frame

from drillyard.broker.errors import AmqpError
from drillyard.broker.wire import table as tables
from drillyard.broker.wire.table import malformed

_INDEX = struct.Struct(">I")
_SIZES = {"octet": 1, "short": 2, "long": 4, "longlong": 8}


class QueueDeclareOk(commands.Queue.DeclareOk):
    """Carries any name: pamqp would refuse those outside a part of ASCII, which AMQP 0-9-1 and RabbitMQ allow."""

    def validate(self) -> None:
        """The name was a short string when it came."""


def read_method(payload: bytes) -> base.Frame:
    """Raises AmqpError 503 for a method that does not exist, 502 for one that does not decode."""
    if len(payload) < 4:
        raise malformed("method frame")
    index = _INDEX.unpack_from(payload)[0]
    kind: type[base.Frame] | None = commands.INDEX_MAPPING.get(index)
    if kind is None:
        raise AmqpError(503, f"there is no method {index >> 16}.{index & 0xFFFF}")
    # Without __init__, which checks defaults and warns of old methods; every attribute is set below.
    method: base.Frame = kind.__new__(kind)
    at, bit = 4, 0
    for name in kind.__slots__:
        data_type = kind.amqp_type(name)
        if data_type == "bit":
            if at >= len(payload):
                raise malformed("method: its bits are missing")
            setattr(method, name, bool(payload[at] >> bit & 1))
            bit += 1
            if bit == 8:
                at, bit = at + 1, 0
            continue
        if bit:
            at, bit = at + 1, 0
        value, at = _read_argument(payload, at, data_type)
        setattr(method, name, value)
    return method


def _read_argument(payload: bytes, at: int, data_type: str) -> tuple[Any, int]:
    if data_type == "shortstr":
        if at >= len(payload) or at + 1 + payload[at] > len(payload):
            raise malformed("method: a short string is cut off")
        end = at + 1 + payload[at]
        try:
            return payload[at + 1 : end].decode("utf-8"), end
        except UnicodeDecodeError as error:
            raise malformed("method: a name is not UTF-8") from error
    if data_type == "longstr":
        return tables.read_long_bytes(payload, at)
    if data_type == "table":
        return tables.read_table(payload, at)
    end = at + _SIZES[data_type]
    if end > len(payload):
        raise malformed("method: an argument is cut off")
    return int.from_bytes(payload[at:end], "big"), end


def pack_method(method: base.Frame, channel: int) -> bytes:
    """A whole method frame."""
    return bytes(frame.marshal(method, channel))
