"""
Dead letters: a message that a queue lets go of is published again, with its story in the headers.

Header by header as RabbitMQ writes it (https://www.rabbitmq.com/docs/dlx): `x-death` holds one entry per queue and
reason, newest first, with a count; `x-first-death-*` never change. Other headers keep their exact bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any

from drillyard.broker.errors import AmqpError
from drillyard.broker.message import Message
from drillyard.broker.queues.rules import Rules
from drillyard.broker.wire.properties import Properties
from drillyard.broker.wire.table import RawEntry, decode_value, join_entries, raw_entries, raw_items

Death = list[RawEntry]
# One entry per queue and reason. Beyond this a message is passed along a chain that nobody meant, and telling its story
# takes longer at every step; so it ends here.
DEATHS_MAX = 100


def dead_letter_of(message: Message, queue: str, rules: Rules, reason: str, now_ms: int) -> Message | None:
    """
    The message to publish; None when the queue's rules name no dead-letter exchange, or the message died too often.

    Never raises.
    """
    if rules.dead_letter_exchange is None:
        return None
    parsed = Properties(dict(message.parsed.fields))
    entries = parsed.header_entries()
    keys = [message.routing_key, *_copies(entries)]
    if len(_deaths(entries)) >= DEATHS_MAX:
        return None
    entries = _with_death(entries, _death(queue, reason, message, keys, now_ms))
    routing_keys = list(message.routing_keys)
    if rules.dead_letter_routing_key is not None:
        routing_keys = [rules.dead_letter_routing_key]
        entries = [(key, value) for key, value in entries if key != b"CC"]
    parsed.set_header_entries(entries)
    # It would expire again in the next queue, at once.
    parsed.fields.pop("expiration", None)
    return message.copy_with(rules.dead_letter_exchange, routing_keys, parsed)


def without_cycles(message: Message, reason: str, queues: Iterable[str]) -> list[str]:
    """
    The queues that may take the dead letter: not those it has died in since, unless a consumer rejected it there.

    Without this a queue that dead-letters to itself by TTL would turn for ever.
    """
    if reason == "rejected":
        return list(queues)
    deaths = [dict(death) for death in _deaths(message.parsed.header_entries())]
    return [name for name in queues if not _turns(name, deaths)]


def _turns(queue: str, deaths: list[dict[bytes, bytes]]) -> bool:
    for place, death in enumerate(deaths):
        if _text(death.get(b"queue")) == queue:
            return all(_text(each.get(b"reason")) != "rejected" for each in deaths[: place + 1])
    return False


def _death(queue: str, reason: str, message: Message, keys: list[str], now_ms: int) -> Death:
    death: Death = [
        (b"reason", _long_string(reason)),
        (b"queue", _long_string(queue)),
        (b"time", b"T" + struct.pack(">Q", now_ms // 1000)),
        (b"exchange", _long_string(message.exchange)),
        (b"routing-keys", _array([_long_string(key) for key in keys])),
    ]
    expiration = message.parsed.text("expiration")
    if expiration is not None:
        death.append((b"original-expiration", _long_string(expiration)))
    return death


def _with_death(entries: list[RawEntry], death: Death) -> list[RawEntry]:
    deaths = _deaths(entries)
    told = dict(death)
    same = next((known for known in deaths if _same_place(dict(known), told)), None)
    if same is None:
        deaths.insert(0, [(b"count", b"l" + struct.pack(">q", 1)), *death])
    else:
        deaths.remove(same)
        count = _count(dict(same)) + 1
        deaths.insert(0, [(b"count", b"l" + struct.pack(">q", count)), *[pair for pair in same if pair[0] != b"count"]])
    others = [(key, value) for key, value in entries if key != b"x-death"]
    first = [
        (b"x-first-death-exchange", told[b"exchange"]),
        (b"x-first-death-queue", told[b"queue"]),
        (b"x-first-death-reason", told[b"reason"]),
    ]
    if any(key in (b"x-death", b"x-first-death-reason") for key, _ in entries):
        first = []
    return [(b"x-death", _array([b"F" + join_entries(known) for known in deaths])), *first, *others]


def _deaths(entries: list[RawEntry]) -> list[Death]:
    raw = dict(entries).get(b"x-death", b"")
    if raw[:1] != b"A":
        return []
    return [raw_entries(item[5:]) for item in raw_items(raw[5:]) if item[:1] == b"F"]


def _same_place(left: dict[bytes, bytes], right: dict[bytes, bytes]) -> bool:
    return all(_text(left.get(key)) == _text(right.get(key)) for key in (b"queue", b"reason"))


def _count(death: dict[bytes, bytes]) -> int:
    value = _value(death.get(b"count"))
    return value if isinstance(value, int) and 0 < value < 2**62 else 1


def _copies(entries: list[RawEntry]) -> list[str]:
    value = _value(dict(entries).get(b"CC"))
    return [key for key in value if isinstance(key, str)] if isinstance(value, list) else []


def _text(raw: bytes | None) -> str | None:
    value = _value(raw)
    return value if isinstance(value, str) else None


def _value(raw: bytes | None) -> Any:
    """None also for what a publisher wrote there and nobody can read."""
    if raw is None:
        return None
    try:
        return decode_value(raw)
    except AmqpError:
        return None


def _long_string(text: str) -> bytes:
    raw = text.encode()
    return b"S" + struct.pack(">I", len(raw)) + raw


def _array(items: list[bytes]) -> bytes:
    content = b"".join(items)
    return b"A" + struct.pack(">I", len(content)) + content
