"""What the store remembers, read once at start."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from drillyard.broker.errors import AmqpError
from drillyard.broker.message import Message
from drillyard.broker.queues.entry import Entry
from drillyard.broker.wire.table import Table, decode_table, encode_table

PUT_EXCHANGE = "INSERT OR REPLACE INTO exchanges VALUES (?, ?, ?, ?, ?)"
DROP_EXCHANGE = "DELETE FROM exchanges WHERE name = ?"
PUT_QUEUE = "INSERT INTO queues VALUES (?, ?, ?, ?)"
PUT_BINDING = "INSERT OR IGNORE INTO bindings VALUES (?, ?, ?, ?, ?)"
DROP_BINDING = (
    "DELETE FROM bindings WHERE source = ? AND kind = ? AND destination = ? AND routing_key = ? AND arguments = ?"
)
PUT_POLICY = "INSERT OR REPLACE INTO policies VALUES (?, ?, ?, ?, ?)"
DROP_POLICY = "DELETE FROM policies WHERE name = ?"


@dataclass
class Remembered:
    """Rows as they were written; tables are decoded."""

    exchanges: list[tuple[str, str, bool, bool, Table]] = field(default_factory=list)
    queues: list[tuple[int, str, bool, Table]] = field(default_factory=list)
    bindings: list[tuple[str, str, str, str, Table]] = field(default_factory=list)
    policies: list[tuple[str, str, str, int, dict[str, Any]]] = field(default_factory=list)


def table_bytes(table: Table) -> bytes:
    """Sorted, so that equal arguments are equal bytes."""
    return encode_table(dict(sorted(table.items())))[4:]


def read_topology(database: sqlite3.Connection) -> Remembered:
    """Everything but the messages."""
    rows = database.execute
    return Remembered(
        exchanges=[
            (n, t, bool(a), bool(i), decode_table(args)) for n, t, a, i, args in rows("SELECT * FROM exchanges")
        ],
        queues=[(i, n, bool(a), decode_table(args)) for i, n, a, args in rows("SELECT * FROM queues ORDER BY id")],
        bindings=[(s, k, d, r, decode_table(args)) for s, k, d, r, args in rows("SELECT * FROM bindings")],
        policies=[(n, p, a, q, json.loads(d)) for n, p, a, q, d in rows("SELECT * FROM policies")],
    )


def read_messages(database: sqlite3.Connection, queue_id: int) -> Iterator[Entry]:
    """The messages of one queue, oldest first; one that no longer parses is skipped, it could not be delivered."""
    for position, exchange, routing_key, expires_at_ms, delivered, properties, body in database.execute(
        "SELECT position, exchange, routing_key, expires_at_ms, delivered, properties, body"
        " FROM messages WHERE queue_id = ? ORDER BY position",
        (queue_id,),
    ):
        try:
            message = Message(exchange, routing_key, properties, body)
        except AmqpError:
            continue
        message.forget_parsed()
        yield Entry(position, message, expires_at_ms=expires_at_ms, redelivered=bool(delivered), stored=True)
