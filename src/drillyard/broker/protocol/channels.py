"""
The channels of one connection: opened, used and closed by their numbers.

After an error a channel is closing: what still arrives for it is dropped until the client has answered, because it was
sent before the client knew (AMQP 0-9-1, channel.close).
"""

from __future__ import annotations

from collections.abc import Iterator

from pamqp import base, commands

from drillyard.broker.errors import AmqpError
from drillyard.broker.protocol import dispatch
from drillyard.broker.protocol.channel import Channel
from drillyard.broker.protocol.link import Link
from drillyard.broker.wire import frames
from drillyard.broker.wire.methods import pack_method, read_method

_PUBLISH = (60, 40)


class Channels:
    def __init__(self, connection: Link) -> None:
        self._connection = connection
        self._open: dict[int, Channel] = {}
        self._closing: set[int] = set()

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Channel]:
        return iter(list(self._open.values()))

    def on_frame(self, kind: int, number: int, payload: bytes) -> None:
        """Raises AmqpError for what costs the whole connection; smaller errors end the channel here."""
        channel = self._open.get(number)
        if channel is not None:
            try:
                dispatch.on_frame(channel, kind, payload)
            except AmqpError as error:
                ids = ids_of(payload) if kind == frames.METHOD else _PUBLISH
                if error.ends_connection:
                    error.method = ids if kind == frames.METHOD and error.code != 505 else (0, 0)
                    raise
                self._fail(channel, error, ids)
            return
        method = read_method(payload) if kind == frames.METHOD else None
        if number in self._closing:
            self._on_closing(number, method)
        elif isinstance(method, commands.Channel.Open):
            self._add(number)
        elif not isinstance(method, commands.Channel.CloseOk):
            unopened = AmqpError(504, "expected 'channel.open'")
            unopened.method = ids_of(payload) if method is not None else (0, 0)
            raise unopened

    def _on_closing(self, number: int, method: base.Frame | None) -> None:
        if isinstance(method, commands.Channel.CloseOk):
            self._closing.discard(number)
        elif isinstance(method, commands.Channel.Close):
            self._closing.discard(number)
            self._connection.send(pack_method(commands.Channel.CloseOk(), number))

    def _add(self, number: int) -> None:
        limit = self._connection.limits.channel_max
        if number > limit:
            raise AmqpError(530, f"channel {number} is above the negotiated channel_max ({limit})")
        self._open[number] = Channel(self._connection, number, self.close)
        self._connection.broker.traffic.channels_opened += 1
        self._connection.send(pack_method(commands.Channel.OpenOk(), number))

    def _fail(self, channel: Channel, error: AmqpError, ids: tuple[int, int]) -> None:
        self._connection.broker.event(f"connection {self._connection.name}, channel {channel.number}: {error}")
        self.close(channel)
        self._closing.add(channel.number)
        self._connection.send(pack_method(commands.Channel.Close(error.code, error.reply_text, *ids), channel.number))

    def close(self, channel: Channel) -> None:
        """Tells what can be confirmed, and gives back what the channel held."""
        if self._open.pop(channel.number, None) is not None:
            channel.tell_confirms()
            channel.close()
            self._connection.broker.traffic.channels_closed += 1

    def close_all(self) -> None:
        for channel in self:
            self.close(channel)

    def pump(self) -> None:
        """There is room again: every consumer of this client may go on."""
        for channel in self:
            channel.pump()


def ids_of(payload: bytes) -> tuple[int, int]:
    """Class and method of a method frame."""
    return int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:4], "big")
