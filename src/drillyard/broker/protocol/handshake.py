"""
The handshake: version, login, limits, virtual host, in this order and no other.

Pure functions over decoded methods; the connection keeps the state.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from pamqp import commands

from drillyard.broker.errors import AmqpError
from drillyard.broker.wire.frames import FRAME_MIN_BYTES
from drillyard.broker.wire.table import Table, decode_table

PRODUCT = "drillyard-broker"
VERSION = version("drillyard")
CHANNEL_MAX = 2047
FRAME_MAX_BYTES = 131_072
HEARTBEAT_S = 60
LOGIN_REFUSED = "Login was refused using authentication mechanism {}. For details see the broker logfile."

CAPABILITIES = {
    "publisher_confirms": True,
    "exchange_exchange_bindings": True,
    "basic.nack": True,
    "consumer_cancel_notify": True,
    "connection.blocked": True,
    "authentication_failure_close": True,
    "per_consumer_qos": True,
    "direct_reply_to": True,
    "consumer_priorities": True,
}


@dataclass(frozen=True)
class Limits:
    """As agreed in connection.tune; heartbeat 0 means none."""

    channel_max: int
    frame_max_bytes: int
    heartbeat_s: int


def start() -> commands.Connection.Start:
    properties: Table = {
        "product": PRODUCT,
        "version": VERSION,
        "platform": "Python",
        "information": "An AMQP 0-9-1 broker of the Drillyard lab. It is not RabbitMQ.",
        "capabilities": CAPABILITIES,
    }
    return commands.Connection.Start(0, 9, properties, "PLAIN AMQPLAIN", "en_US")


def tune() -> commands.Connection.Tune:
    return commands.Connection.Tune(CHANNEL_MAX, FRAME_MAX_BYTES, HEARTBEAT_S)


def read_login(mechanism: str, response: bytes) -> tuple[str, str]:
    """User and password. Raises AmqpError 530 for another mechanism, 403 for a response that cannot be read."""
    refused = AmqpError(403, LOGIN_REFUSED.format(mechanism), ends_connection=True)
    if mechanism == "PLAIN":
        parts = response.split(b"\0")
        if len(parts) != 3:
            raise refused
        return parts[1].decode("utf-8", "replace"), parts[2].decode("utf-8", "replace")
    if mechanism == "AMQPLAIN":
        table = decode_table(response)
        user, password = table.get("LOGIN"), table.get("PASSWORD")
        if not isinstance(user, str) or not isinstance(password, str):
            raise refused
        return user, password
    raise AmqpError(530, f"unknown authentication mechanism '{mechanism}'; this broker has PLAIN and AMQPLAIN")


def same_text(left: str, right: str) -> bool:
    """Compares without telling by its duration how much fits."""
    return hmac.compare_digest(left.encode("utf-8", "replace"), right.encode("utf-8", "replace"))


def agree(method: commands.Connection.TuneOk) -> Limits:
    """The client may lower our limits, never raise them. Raises AmqpError 530."""
    for name, ours, theirs, least in (
        ("channel_max", CHANNEL_MAX, method.channel_max, 1),
        ("frame_max", FRAME_MAX_BYTES, method.frame_max, FRAME_MIN_BYTES),
    ):
        if theirs > ours:
            raise AmqpError(530, f"negotiated {name} = {theirs} is higher than the maximum allowed value ({ours})")
        if 0 < theirs < least:
            raise AmqpError(530, f"negotiated {name} = {theirs} is lower than the minimum allowed value ({least})")
    return Limits(method.channel_max or CHANNEL_MAX, method.frame_max or FRAME_MAX_BYTES, method.heartbeat or 0)


def capabilities_of(properties: Table) -> Table:
    found: Any = properties.get("capabilities")
    return found if isinstance(found, dict) else {}
