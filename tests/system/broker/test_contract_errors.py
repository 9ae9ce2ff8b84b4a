"""The contract of errors: which code a wrong word gets, and whether it costs the channel or the connection."""

from __future__ import annotations

import contextlib
import struct
from typing import Any

import pytest
from pamqp import commands, frame, header

Basic, Channel, Connection, Exchange, Queue = (
    commands.Basic,
    commands.Channel,
    commands.Connection,
    commands.Exchange,
    commands.Queue,
)


def content(body: bytes = b"x", **properties: Any) -> bytes:
    """A content header and body for channel 1."""
    head = frame.marshal(header.ContentHeader(0, len(body), Basic.Properties(**properties)), 1)
    return head + struct.pack(">BHI", 3, 1, len(body)) + body + b"\xce"


CHANNEL_ERRORS = {
    "passive declare of nothing": (Queue.Declare(queue="no-such-queue", passive=True), 404),
    "passive declare of no exchange": (Exchange.Declare(exchange="no-such-exchange", passive=True), 404),
    "consume from nothing": (Basic.Consume(queue="no-such-queue"), 404),
    "get from nothing": (Basic.Get(queue="no-such-queue"), 404),
    "purge nothing": (Queue.Purge(queue="no-such-queue"), 404),
    "bind to nothing": (Queue.Bind(queue="no-such-queue", exchange="amq.topic"), 404),
    "reserved queue name": (Queue.Declare(queue="amq.mine"), 403),
    "reserved exchange name": (Exchange.Declare(exchange="amq.mine"), 403),
    "delete a standard exchange": (Exchange.Delete(exchange="amq.topic"), 403),
    "delete the default exchange": (Exchange.Delete(exchange=""), 403),
    "declare the default exchange": (Exchange.Declare(exchange="", exchange_type="direct", durable=True), 403),
    "bind exchanges that are not there": (Exchange.Bind(destination="amq.topic", source="no-such-exchange"), 404),
    "ack what was never delivered": (Basic.Ack(delivery_tag=7), 406),
    "nack what was never delivered": (Basic.Nack(delivery_tag=7), 406),
    "reject what was never delivered": (Basic.Reject(delivery_tag=7), 406),
}

CONNECTION_ERRORS = {
    "unknown exchange type": (Exchange.Declare(exchange="contract-odd", exchange_type="odd"), 503),
    "immediate": (Basic.Publish(routing_key="k", immediate=True), 540),
    "prefetch size": (Basic.Qos(prefetch_size=1), 540),
    "recover without requeue": (Basic.Recover(requeue=False), 540),
    "flow off": (Channel.Flow(active=False), 540),
    "open twice": (Channel.Open(), 504),
    "a method of the server": (Basic.ConsumeOk(consumer_tag="t"), 503),
    "a method of channel 0": (Connection.Close(reply_code=200, reply_text="bye", class_id=0, method_id=0), 503),
}


@pytest.mark.parametrize(("method", "code"), CHANNEL_ERRORS.values(), ids=CHANNEL_ERRORS.keys())
def test_a_soft_error_closes_the_channel_and_it_can_be_opened_again(raw, method, code):
    raw.open()
    raw.say(method)

    closed = raw.expect(Channel.Close)

    assert (closed.reply_code, closed.class_id, closed.method_id) == (code, method.index >> 16, method.index & 0xFFFF)
    raw.say(Channel.CloseOk())
    raw.say(Channel.Open())
    raw.expect(Channel.OpenOk)


@pytest.mark.parametrize(("method", "code"), CONNECTION_ERRORS.values(), ids=CONNECTION_ERRORS.keys())
def test_a_hard_error_closes_the_connection(raw, method, code):
    raw.open()
    raw.say(method)
    if isinstance(method, Basic.Publish):
        raw.send(content())

    assert raw.expect(Connection.Close).reply_code == code


def test_frames_after_a_channel_error_are_ignored_until_the_close_is_answered(raw):
    raw.open()
    raw.say(Queue.Declare(queue="no-such-queue", passive=True))
    raw.say(Queue.Declare(queue="another", passive=True))
    raw.send(frame.marshal(Basic.Publish(routing_key="k"), 1) + content())
    raw.expect(Channel.Close)
    raw.say(Channel.CloseOk())
    raw.say(Channel.Open())

    raw.expect(Channel.OpenOk)


def test_a_channel_that_is_not_open_is_an_error_of_the_connection(raw):
    raw.open()
    raw.say(Queue.Declare(queue="q", passive=True), 2)

    assert raw.expect(Connection.Close).reply_code == 504


def test_a_content_header_out_of_turn_is_unexpected(raw):
    raw.open()
    raw.send(content())

    assert raw.expect(Connection.Close).reply_code == 505


def test_a_method_in_the_middle_of_a_message_is_unexpected(raw):
    raw.open()
    raw.say(Basic.Publish(routing_key="k"))
    raw.say(Basic.Qos(prefetch_count=1))

    assert raw.expect(Connection.Close).reply_code == 505


def test_a_frame_without_its_end_is_a_frame_error(raw):
    raw.open()
    raw.send(struct.pack(">BHI", 1, 1, 4) + b"\x00\x3c\x00\x0a" + b"\x00")

    assert raw.expect(Connection.Close).reply_code == 501


def test_a_frame_larger_than_agreed_is_a_frame_error(raw):
    raw.open()
    raw.send(struct.pack(">BHI", 1, 1, 2**31))

    assert raw.expect(Connection.Close).reply_code == 501


def test_a_message_of_another_user_is_refused(raw):
    raw.open()
    raw.send(frame.marshal(Basic.Publish(routing_key="k"), 1) + content(user_id="someone"))

    closed = raw.expect(Channel.Close)

    assert (closed.reply_code, closed.reply_text) == (
        406,
        "PRECONDITION_FAILED - user_id property set to 'someone' but authenticated user was 'guest'",
    )


def test_another_protocol_is_answered_with_ours_and_the_end(raw):
    raw.send(b"GET / HTTP/1.1\r\n\r\n")

    assert raw.socket.recv(8) == b"AMQP\x00\x00\x09\x01"
    with contextlib.suppress(ConnectionResetError):
        assert raw.socket.recv(8) == b""


def test_a_wrong_password_is_told_to_those_who_can_hear_it(raw):
    raw.send(b"AMQP\x00\x00\x09\x01")
    raw.expect(Connection.Start)
    properties: Any = {"capabilities": {"authentication_failure_close": True}}
    raw.say(Connection.StartOk(properties, "PLAIN", "\0guest\0wrong"), 0)

    closed = raw.expect(Connection.Close)

    assert closed.reply_code == 403
    assert closed.reply_text.startswith("ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN.")


def test_amqplain_logs_in_too(raw):
    raw.send(b"AMQP\x00\x00\x09\x01")
    raw.expect(Connection.Start)
    login = b"\x05LOGINS\x00\x00\x00\x05guest\x08PASSWORDS\x00\x00\x00\x05guest"
    raw.say(Connection.StartOk({}, "AMQPLAIN", login.decode()), 0)

    raw.expect(Connection.Tune)


def test_an_unknown_virtual_host_is_not_allowed(raw):
    raw.send(b"AMQP\x00\x00\x09\x01")
    raw.expect(Connection.Start)
    raw.say(Connection.StartOk({}, "PLAIN", "\0guest\0guest"), 0)
    raw.expect(Connection.Tune)
    raw.say(Connection.TuneOk(10, 8192, 0), 0)
    raw.say(Connection.Open(virtual_host="elsewhere"), 0)

    closed = raw.expect(Connection.Close)

    assert closed.reply_code == 530
    assert "vhost elsewhere not found" in closed.reply_text


def test_limits_above_those_offered_end_the_connection(raw):
    raw.send(b"AMQP\x00\x00\x09\x01")
    raw.expect(Connection.Start)
    raw.say(Connection.StartOk({}, "PLAIN", "\0guest\0guest"), 0)
    raw.expect(Connection.Tune)
    raw.say(Connection.TuneOk(10, 2**24, 0), 0)

    with contextlib.suppress(ConnectionError):  # RabbitMQ hangs up, ours says why.
        assert raw.expect(Connection.Close).reply_code == 530


def test_heartbeats_are_sent_as_agreed(raw):
    raw.open(heartbeat=1)
    raw.socket.settimeout(3.0)

    assert raw.socket.recv(8) == b"\x08\x00\x00\x00\x00\x00\x00\xce"


def test_a_client_that_falls_silent_is_dropped(raw):
    raw.open(heartbeat=1)
    raw.socket.settimeout(6.0)

    with pytest.raises(ConnectionError):
        raw.hear()


def test_a_body_in_many_frames_of_the_agreed_size_arrives_whole(raw):
    raw.send(b"AMQP\x00\x00\x09\x01")
    raw.expect(Connection.Start)
    raw.say(Connection.StartOk({}, "PLAIN", "\0guest\0guest"), 0)
    raw.expect(Connection.Tune)
    raw.say(Connection.TuneOk(10, 4096, 0), 0)
    raw.say(Connection.Open(), 0)
    raw.expect(Connection.OpenOk)
    raw.say(Channel.Open())
    raw.expect(Channel.OpenOk)
    raw.say(Queue.Declare(queue="", exclusive=True))
    name = raw.expect(Queue.DeclareOk).queue
    body = bytes(range(250)) * 40
    raw.say(Basic.Publish(routing_key=name))
    raw.send(frame.marshal(header.ContentHeader(0, len(body), Basic.Properties()), 1))
    for at in range(0, len(body), 3000):
        piece = body[at : at + 3000]
        raw.send(struct.pack(">BHI", 3, 1, len(piece)) + piece + b"\xce")
    raw.say(Basic.Get(queue=name))
    raw.expect(Basic.GetOk)
    raw.hear()

    pieces = []
    while sum(map(len, pieces)) < len(body):
        _, heard = raw.hear()
        pieces.append(heard.value)

    assert b"".join(pieces) == body
    assert max(map(len, pieces)) == 4096 - 8
