"""
A connection: a socket, its frames, its channels, and the rules of how it begins and ends.

Reading stops (a *hold*) while an answer waits for the disk, while an alarm is on and the client wants to publish, or
while the client does not read what it is sent. Writing gathers what one turn of the loop produced. Whatever a client
sends, it gets AMQP's own answer: an error never leaves this file as an exception.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from pamqp import commands

from drillyard.broker.errors import AmqpError, shorten
from drillyard.broker.protocol import greeting, handshake
from drillyard.broker.protocol.channels import Channels, ids_of
from drillyard.broker.protocol.handshake import Limits
from drillyard.broker.protocol.heartbeat import Heartbeat
from drillyard.broker.protocol.holds import Holds
from drillyard.broker.protocol.outbox import Outbox
from drillyard.broker.protocol.service import Service
from drillyard.broker.wire import frames
from drillyard.broker.wire.methods import pack_method, read_method
from drillyard.broker.wire.table import Table

HANDSHAKE_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 5.0
_PUBLISH = b"\x00\x3c\x00\x28"
_log = logging.getLogger("drillyard.broker")


class Registry(Service, Protocol):
    """The broker, as its connections report to it."""

    def connection_opened(self, connection: Connection) -> None:
        """A client came."""

    def connection_closed(self, connection: Connection, *, clean: bool) -> None:
        """A client went, `clean` after a goodbye."""


class Connection(asyncio.Protocol):
    """States: header → start → tune → open → running → closing; `closed` once the socket is gone."""

    def __init__(self, broker: Registry) -> None:
        self.broker = broker
        self.state = "header"
        self.name = "?"
        self.peer: tuple[str, int] = ("?", 0)
        self.local: tuple[str, int] = ("?", 0)
        self.user = ""
        self.client_properties: Table = {}
        self.capabilities: Table = {}
        self.limits = Limits(handshake.CHANNEL_MAX, handshake.FRAME_MAX_BYTES, 0)
        self.channels = Channels(self)
        self.connected_at_ms = 0
        self.received_bytes = 0
        self._splitter = frames.FrameSplitter(handshake.FRAME_MAX_BYTES)
        self._flush_scheduled = False
        self._before_flush: dict[Callable[[], None], None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._told_blocked = False

    # ---- the socket (asyncio.Protocol)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._outbox = Outbox(transport)
        self._holds = Holds(self._loop, transport, self._process)
        self._heartbeat = Heartbeat(
            self._loop, listening=lambda: not self._holds.reasons, send=self.send, give_up=self._give_up
        )
        self.peer = (transport.get_extra_info("peername") or ("?", 0))[:2]
        self.local = (transport.get_extra_info("sockname") or ("?", 0))[:2]
        self.name = f"{self.peer[0]}:{self.peer[1]} -> {self.local[0]}:{self.local[1]}"
        self.connected_at_ms = self.broker.vhost.now_ms()
        self.broker.connection_opened(self)
        self._timer = self._loop.call_later(HANDSHAKE_TIMEOUT_S, self._give_up, "the handshake took too long")

    def data_received(self, data: bytes) -> None:
        self.received_bytes += len(data)
        self._heartbeat.heard_at_s = self._loop.time()
        self._splitter.feed(data)
        if not self._holds.reasons:
            self._process()

    def pause_writing(self) -> None:
        self._outbox.socket_full = True

    def resume_writing(self) -> None:
        self._outbox.socket_full = False
        self.release("slow reader")
        self.channels.pump()

    def connection_lost(self, error: Exception | None) -> None:
        was = self.state
        self.state = "closed"
        if self._timer is not None:
            self._timer.cancel()
        self._heartbeat.stop()
        self._outbox.clear()
        self.channels.close_all()
        self.broker.connection_closed(self, clean=was == "closing")

    # ---- frames in

    def _process(self) -> None:
        try:
            if self.state == "header" and not self._read_protocol_header():
                return
            while not self._holds.reasons and self.state != "closed":
                frame = self._splitter.next_frame()
                if frame is None:
                    break
                if self.broker.alarms.on and frame[2].startswith(_PUBLISH) and frame[0] == frames.METHOD:
                    self._splitter.push_back()
                    self._block()
                    break
                self._on_frame(*frame)
        except AmqpError as error:
            self._fail(error)
        except Exception:
            _log.exception("connection %s: a bug in the broker", self.name)
            self._fail(AmqpError(541, "the broker failed on this frame; its log has the reason"))

    def _read_protocol_header(self) -> bool:
        header = self._splitter.take(8)
        if header is None:
            return False
        if header != frames.PROTOCOL_HEADER:
            # The specification's answer to another protocol or version: ours, then the end.
            self._transport.write(frames.PROTOCOL_HEADER)
            self._transport.close()
            self.state = "closed"
            return False
        self.state = "start"
        self.send(pack_method(handshake.start(), 0))
        return True

    def _on_frame(self, kind: int, number: int, payload: bytes) -> None:
        if kind == frames.HEARTBEAT:
            if number or payload:
                raise AmqpError(501, "a heartbeat belongs to channel 0 and is empty")
            return
        if kind not in (frames.METHOD, frames.HEADER, frames.BODY):
            raise AmqpError(501, f"frame of unknown type {kind}")
        if self.state == "closing":
            self._on_frame_while_closing(kind, number, payload)
        elif number == 0:
            if kind != frames.METHOD:
                raise AmqpError(503, "content has no place on channel 0")
            try:
                greeting.on_method(self, read_method(payload))
            except AmqpError as error:
                if self.state != "start":  # Before the login nobody is told which word it was.
                    error.method = ids_of(payload)
                raise
        elif self.state != "running":
            raise AmqpError(503, f"channel {number} was used before the connection was open")
        else:
            self.channels.on_frame(kind, number, payload)

    def _on_frame_while_closing(self, kind: int, number: int, payload: bytes) -> None:
        """Everything is ignored now but the end of the closing."""
        if kind != frames.METHOD or number != 0:
            return
        method = read_method(payload)
        if isinstance(method, commands.Connection.CloseOk):
            self.end()
        elif isinstance(method, commands.Connection.Close):
            self.send(pack_method(commands.Connection.CloseOk(), 0))

    def on_open(self) -> None:
        """The handshake is over."""
        self.state = "running"
        self._splitter.frame_max_bytes = self.limits.frame_max_bytes
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.send(pack_method(commands.Connection.OpenOk(), 0))
        self._heartbeat.start(self.limits.heartbeat_s)
        self.broker.event(f"connection {self.name}: user '{self.user}' connected")

    def client_can(self, capability: str) -> bool:
        return self.capabilities.get(capability) is True

    # ---- frames out

    @property
    def writable(self) -> bool:
        """False while the client reads too slowly for more deliveries."""
        return self.state == "running" and self._outbox.roomy

    @property
    def sent_bytes(self) -> int:
        return self._outbox.sent_bytes

    def send(self, data: bytes) -> None:
        if self.state == "closed":
            return
        self._outbox.add(data)
        if not self._flush_scheduled:
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)

    def before_flush(self, action: Callable[[], None]) -> None:
        """Calls `action` once, before what this turn of the loop produced is written."""
        self._before_flush[action] = None
        if not self._flush_scheduled and self.state == "running":
            self._flush_scheduled = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        actions, self._before_flush = self._before_flush, {}
        for action in actions:
            action()
        self._flush_scheduled = False
        if self.state == "closed":
            return
        was_roomy = self._outbox.roomy
        if not self._outbox.flush():
            return
        self._heartbeat.sent_at_s = self._loop.time()
        if self._outbox.overfull:
            self.hold("slow reader")
        if not was_roomy and self._outbox.roomy:
            self.channels.pump()

    # ---- holds

    def hold(self, reason: str) -> None:
        """Frames that follow wait until every reason is released."""
        self._holds.add(reason)

    def release(self, reason: str) -> None:
        if self.state != "closed" and self._holds.release(reason):
            self._heartbeat.heard_at_s = self._loop.time()

    def _block(self) -> None:
        """An alarm is on and this client wants to publish: it waits here, and is told once."""
        self.hold("alarm")
        if self.client_can("connection.blocked") and not self._told_blocked:
            self._told_blocked = True
            self.send(pack_method(commands.Connection.Blocked(self.broker.alarms.reason), 0))

    @property
    def blocked(self) -> bool:
        return "alarm" in self._holds.reasons

    def unblock(self) -> None:
        if self._told_blocked:
            self._told_blocked = False
            self.send(pack_method(commands.Connection.Unblocked(), 0))
        self.release("alarm")

    # ---- endings

    def _fail(self, error: AmqpError) -> None:
        """Ends the connection with AMQP's close; one that cannot take it is dropped after a while."""
        self.broker.event(f"connection {self.name}: {error}")
        if self.state in ("closing", "closed"):
            self.end()
            return
        self.close(error.code, error.reply_text, error.method)

    def close(self, code: int, text: str, method: tuple[int, int] = (0, 0)) -> None:
        """Asks the client to close; drops the socket when it does not answer in time. `method`: what it answers."""
        if self.state in ("closing", "closed"):
            return
        if self.state == "header":
            self.end()
            return
        self.channels.close_all()
        self.state = "closing"
        for reason in list(self._holds.reasons):
            self.release(reason)
        self.send(pack_method(commands.Connection.Close(code, shorten(text), *method), 0))
        self._heartbeat.stop()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(CLOSE_TIMEOUT_S, self._transport.abort)

    def end(self) -> None:
        """Sends what waits and closes the socket."""
        self._flush()
        if self.state != "closed":
            self.state = "closing"
            self._transport.close()

    def abort(self) -> None:
        """Drops the socket without a word."""
        self._transport.abort()

    def _give_up(self, why: str) -> None:
        self.broker.event(f"connection {self.name}: closed, {why}")
        self._transport.abort()
