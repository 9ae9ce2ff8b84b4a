"""The contract of transactions, against ours and against a real RabbitMQ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pika
import pytest
from pamqp import commands

Channel, Confirm, Tx = commands.Channel, commands.Confirm, commands.Tx


@pytest.fixture
def open_channel(target: Any) -> Iterator[Callable[[], Any]]:
    """Opens channels of one connection; it is closed at the end."""
    connection = pika.BlockingConnection(pika.URLParameters(target.amqp_url))
    yield connection.channel
    if connection.is_open:
        connection.close()


def waiting(channel: Any, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).method.message_count)


def get(channel: Any, queue: str, *, auto_ack: bool = False) -> tuple[Any, bytes]:
    """The next message; what another channel published may take a moment to arrive."""
    for _ in range(100):
        method, _, body = channel.basic_get(queue, auto_ack=auto_ack)
        if method is not None:
            return method, body
        channel.connection.process_data_events(0.02)
    pytest.fail("no message came")


@pytest.fixture
def work(open_channel: Any) -> tuple[Any, str, Any]:
    """A channel with a transaction, a queue, and a channel without to look from."""
    channel, other = open_channel(), open_channel()
    queue = other.queue_declare("", exclusive=True).method.queue
    channel.tx_select()
    return channel, queue, other


def test_publishes_count_once_they_are_committed(work):
    channel, queue, other = work
    for body in (b"1", b"2"):
        channel.basic_publish("", queue, body)
    channel.queue_declare(queue, passive=True)
    before = waiting(other, queue)
    channel.tx_commit()
    channel.basic_publish("", queue, b"3")
    channel.tx_rollback()
    channel.tx_commit()

    assert (before, waiting(other, queue)) == (0, 2)
    assert get(other, queue, auto_ack=True)[1] == b"1"


def test_an_ack_counts_once_it_is_committed(work):
    channel, queue, other = work
    for body in (b"1", b"2"):
        other.basic_publish("", queue, body)
    first, second = get(channel, queue)[0], get(channel, queue)[0]
    channel.basic_ack(first.delivery_tag)
    channel.tx_commit()
    channel.basic_ack(second.delivery_tag)
    channel.close()

    method, body = get(other, queue, auto_ack=True)
    assert (body, method.redelivered) == (b"2", True)
    assert waiting(other, queue) == 0


def test_a_rollback_makes_an_answer_unsaid(work):
    channel, queue, other = work
    other.basic_publish("", queue, b"1")
    tag = get(channel, queue)[0].delivery_tag
    channel.basic_nack(tag, requeue=False)
    channel.tx_rollback()
    channel.basic_nack(tag, requeue=True)
    channel.queue_declare(queue, passive=True)
    before = waiting(other, queue)
    channel.tx_commit()

    assert (before, waiting(other, queue)) == (0, 1)


def test_a_consumer_s_prefetch_is_free_after_the_commit(work):
    channel, queue, other = work
    for body in (b"1", b"2"):
        other.basic_publish("", queue, body)
    channel.basic_qos(prefetch_count=1)
    got = []
    channel.basic_consume(queue, lambda ch, method, properties, body: got.append((method.delivery_tag, body)))
    for _ in range(50):
        channel.connection.process_data_events(0.02)
        if got:
            break
    channel.basic_ack(got[0][0])
    channel.connection.process_data_events(0.2)
    held = len(got)
    channel.tx_commit()
    for _ in range(50):
        channel.connection.process_data_events(0.02)
        if len(got) == 2:
            break

    assert held == 1
    assert [body for _, body in got] == [b"1", b"2"]


def test_a_mandatory_message_comes_back_before_the_commit_is_answered(raw):
    raw.open()
    raw.say(Tx.Select())
    raw.expect(Tx.SelectOk)
    head = pika.spec.BasicProperties()
    raw.say(commands.Basic.Publish(exchange="", routing_key="no-such-queue", mandatory=True))
    raw.send(b"".join(pika.frame.Header(1, 0, head).marshal() for _ in range(1)))
    raw.say(Tx.Commit())

    assert raw.expect(commands.Basic.Return).reply_code == 312
    raw.hear()  # Its header; a body of nothing has no frame.
    raw.expect(Tx.CommitOk)


@pytest.mark.parametrize(
    ("methods", "text"),
    [
        ([Tx.Commit()], "channel is not transactional"),
        ([Tx.Rollback()], "channel is not transactional"),
        ([Confirm.Select(), Tx.Select()], "cannot switch from confirm to tx mode"),
        ([Tx.Select(), Tx.Select(), Confirm.Select()], "cannot switch from tx to confirm mode"),
    ],
)
def test_what_does_not_go_together_closes_the_channel(raw, methods, text):
    raw.open()
    for method in methods:
        raw.say(method)
    for _ in methods[1:]:
        raw.hear()

    closed = raw.expect(Channel.Close)

    assert (closed.reply_code, closed.reply_text) == (406, f"PRECONDITION_FAILED - {text}")
