"""
Frames of one channel: each method goes to the part that knows it, content to the message that is coming in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pamqp import base, commands

from drillyard.broker.errors import AmqpError, not_implemented
from drillyard.broker.protocol import consuming, publishing, topology, transacting
from drillyard.broker.protocol.channel import Channel
from drillyard.broker.protocol.confirms import Confirms
from drillyard.broker.wire import frames
from drillyard.broker.wire.methods import read_method

Handler = Callable[[Channel, Any], None]


def on_frame(channel: Channel, kind: int, payload: bytes) -> None:
    """Raises AmqpError for whatever the client did wrong."""
    if kind == frames.METHOD:
        _on_method(channel, payload)
    elif kind == frames.HEADER:
        publishing.on_header(channel, payload)
    elif kind == frames.BODY:
        publishing.on_body(channel, payload)
    else:
        raise AmqpError(505, f"a frame of type {kind} has no place on channel {channel.number}")


def _on_method(channel: Channel, payload: bytes) -> None:
    if channel.incoming is not None:
        raise AmqpError(505, "expected content header or body for class 60, got a method frame instead")
    if consuming.on_fast_ack(channel, payload):
        return
    method = read_method(payload)
    handler = _HANDLERS.get(type(method))
    if handler is None:
        raise _refusal(method)
    handler(channel, method)


def _on_confirm_select(channel: Channel, method: commands.Confirm.Select) -> None:
    if channel.transaction is not None:
        raise AmqpError(406, "cannot switch from tx to confirm mode")
    if channel.confirms is None:
        channel.confirms = Confirms()
    channel.reply(commands.Confirm.SelectOk(), nowait=bool(method.nowait))


def _on_flow(channel: Channel, method: commands.Channel.Flow) -> None:
    if not method.active:
        raise not_implemented("active=false")
    channel.send(commands.Channel.FlowOk(True))


def _on_close(channel: Channel, method: commands.Channel.Close) -> None:
    channel.leave(channel)
    channel.send(commands.Channel.CloseOk())


def _refusal(method: base.Frame) -> AmqpError:
    if isinstance(method, commands.Channel.Open):
        return AmqpError(504, "second 'channel.open' seen")
    return AmqpError(503, f"unexpected method {method.name} on channel")


_HANDLERS: dict[type[base.Frame], Handler] = {
    commands.Channel.Close: _on_close,
    commands.Channel.Flow: _on_flow,
    commands.Confirm.Select: _on_confirm_select,
    **publishing.HANDLERS,
    **consuming.HANDLERS,
    **topology.HANDLERS,
    **transacting.HANDLERS,
}
