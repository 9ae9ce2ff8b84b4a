"""
One message, as it was published: what the broker routes by, and what it passes on untouched.

The same object stands in every queue that it was routed to; it never changes after publishing.
"""

from __future__ import annotations

import re
from typing import Any

from drillyard.broker.errors import AmqpError
from drillyard.broker.wire.frames import short_string
from drillyard.broker.wire.properties import Properties
from drillyard.broker.wire.table import Table, decode_value

_LIFETIME_MAX_MS = 315_360_000_000
_MILLISECONDS = re.compile(r"[+-]?[0-9]{1,20}")


class Message:
    """`properties` is what consumers get (raw, without BCC); sizes in bytes, times in epoch milliseconds."""

    __slots__ = ("_parsed", "body", "exchange", "persistent", "properties", "routing_key", "routing_keys", "ttl_ms")

    def __init__(self, exchange: str, routing_key: str, properties: bytes, body: bytes) -> None:
        """Raises AmqpError 502 for malformed properties, 406 for an expiration or CC header that does not fit."""
        self.exchange = exchange
        self.routing_key = routing_key
        self.body = body
        self.properties = properties
        self._parsed: Properties | None = Properties.parse(properties)
        self.persistent = self._parsed.persistent
        self.ttl_ms = _expiration_ms(self._parsed)
        self.routing_keys = [routing_key]
        if b"CC" in properties:  # BCC contains it too: a cheap look before the expensive one.
            self._read_copies(self._parsed)

    @property
    def parsed(self) -> Properties:
        """The properties cut into fields; treat as read-only."""
        if self._parsed is None:
            self._parsed = Properties.parse(self.properties)
        return self._parsed

    def forget_parsed(self) -> None:
        """Gives the cut-up copy back once routing is over; a message may wait in a queue for days."""
        self._parsed = None

    @property
    def headers(self) -> Table:
        return self.parsed.headers()

    @property
    def size_bytes(self) -> int:
        return len(self.body)

    @property
    def wire_names(self) -> tuple[bytes, bytes]:
        """Exchange and routing key as short strings."""
        return short_string(self.exchange), short_string(self.routing_key)

    def copy_with(self, exchange: str, routing_keys: list[str], properties: Properties) -> Message:
        """The same body under another address, for dead letters."""
        copy = Message(exchange, routing_keys[0], properties.pack(), self.body)
        copy.routing_keys = routing_keys
        return copy

    def _read_copies(self, parsed: Properties) -> None:
        """CC and BCC (https://www.rabbitmq.com/docs/sender-selected): further routing keys; BCC is not passed on."""
        kept = []
        blind = False
        for key, raw in parsed.header_entries():
            if key in (b"CC", b"BCC"):
                self.routing_keys += _copy_keys(key.decode(), decode_value(raw))
            if key == b"BCC":
                blind = True
            else:
                kept.append((key, raw))
        if blind:
            parsed.set_header_entries(kept)
            self.properties = parsed.pack()


def _copy_keys(name: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise AmqpError(406, f"invalid value of header {name}: an array of strings is expected")
    return [key for key in value if isinstance(key, str)]


def _expiration_ms(properties: Properties) -> int | None:
    text = properties.text("expiration")
    if text is None:
        return None
    if not _MILLISECONDS.fullmatch(text):
        raise AmqpError(406, f"invalid expiration '{text}': a whole number of milliseconds is expected")
    lifetime_ms = int(text)
    if lifetime_ms < 0:
        raise AmqpError(406, f"invalid expiration '{text}': {{value_negative,{lifetime_ms}}}")
    if lifetime_ms > _LIFETIME_MAX_MS:
        raise AmqpError(406, f"invalid expiration '{text}': {{value_too_large,{lifetime_ms}}}")
    return lifetime_ms
