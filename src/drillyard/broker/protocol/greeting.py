"""
What a client says on channel 0: login, limits, virtual host, and at the end its goodbye.

Each word is allowed in one state only; anything else is 503 (AMQP 0-9-1 §2.2.4).
"""

from __future__ import annotations

from typing import Protocol

from pamqp import base, commands

from drillyard.broker.errors import AmqpError
from drillyard.broker.protocol import handshake
from drillyard.broker.protocol.link import Link
from drillyard.broker.wire.methods import pack_method
from drillyard.broker.wire.table import Table


class Guest(Link, Protocol):
    """A connection, as its greeting changes it."""

    state: str
    client_properties: Table
    capabilities: Table

    def on_open(self) -> None:
        """The handshake is over."""

    def end(self) -> None:
        """Sends what waits and closes the socket."""


def on_method(connection: Guest, method: base.Frame) -> None:
    """Raises AmqpError."""
    state = connection.state
    if isinstance(method, commands.Connection.Close) and state != "start":
        connection.send(pack_method(commands.Connection.CloseOk(), 0))
        connection.end()
    elif state == "running" and isinstance(method, commands.Connection.UpdateSecret):
        # For logins that expire; this one does not.
        connection.send(pack_method(commands.Connection.UpdateSecretOk(), 0))
    elif state == "start" and isinstance(method, commands.Connection.StartOk):
        _log_in(connection, method)
    elif state == "tune" and isinstance(method, commands.Connection.TuneOk):
        connection.limits = handshake.agree(method)
        connection.state = "open"
    elif state == "open" and isinstance(method, commands.Connection.Open):
        if method.virtual_host != "/":
            raise AmqpError(530, f"vhost {method.virtual_host} not found")
        connection.on_open()
    else:
        raise AmqpError(503, f"unexpected method {method.name} on channel 0")


def _log_in(connection: Guest, method: commands.Connection.StartOk) -> None:
    connection.client_properties = method.client_properties or {}
    connection.capabilities = handshake.capabilities_of(connection.client_properties)
    try:
        user, password = handshake.read_login(method.mechanism, _as_bytes(method.response))
        if not connection.broker.knows(user, password):
            raise AmqpError(403, handshake.LOGIN_REFUSED.format(method.mechanism), ends_connection=True)
    except AmqpError as error:
        connection.broker.event(f"connection {connection.name}: login refused")
        if error.code == 403 and not connection.client_can("authentication_failure_close"):
            connection.end()
            return
        raise
    connection.user = user
    connection.state = "tune"
    connection.send(pack_method(handshake.tune(), 0))


def _as_bytes(response: object) -> bytes:
    """Long strings are read as bytes here, whatever pamqp's annotation says."""
    assert isinstance(response, bytes)
    return response
