"""The contract of direct reply-to, against ours and against a real RabbitMQ."""

from __future__ import annotations

import pika
import pytest
from pamqp import commands, frame, header

Basic, Channel = commands.Basic, commands.Channel


def test_a_reply_goes_straight_to_the_one_who_asked(target):
    connection = pika.BlockingConnection(pika.URLParameters(target.amqp_url))
    asker, answerer = connection.channel(), connection.channel()
    queue = answerer.queue_declare("", exclusive=True).method.queue
    replies: list[bytes] = []
    asker.basic_consume("amq.rabbitmq.reply-to", lambda *delivered: replies.append(delivered[3]), auto_ack=True)
    asker.basic_publish("", queue, b"question", pika.BasicProperties(reply_to="amq.rabbitmq.reply-to"))
    properties = None
    for _ in range(100):
        connection.process_data_events(0.02)
        method, properties, _ = answerer.basic_get(queue, auto_ack=True)
        if method is not None:
            break
    assert properties is not None and properties.reply_to.startswith("amq.rabbitmq.reply-to.")
    waiting = answerer.queue_declare(properties.reply_to, passive=True).method.consumer_count
    answerer.basic_publish("", properties.reply_to, b"answer")
    for _ in range(100):
        connection.process_data_events(0.02)
        if replies:
            break
    connection.close()

    assert replies == [b"answer"]
    assert waiting == 1


def test_whoever_answers_can_see_that_nobody_waits_any_more(target):
    connection = pika.BlockingConnection(pika.URLParameters(target.amqp_url))

    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as closed:
        connection.channel().queue_declare("amq.rabbitmq.reply-to.nobody", passive=True)
    connection.close()

    assert closed.value.reply_code == 404


def test_asking_for_a_reply_without_listening_for_it_closes_the_channel(raw):
    raw.open()
    head = header.ContentHeader(0, 0, Basic.Properties(reply_to="amq.rabbitmq.reply-to"))
    raw.send(frame.marshal(Basic.Publish(routing_key="k"), 1) + frame.marshal(head, 1))

    closed = raw.expect(Channel.Close)

    assert (closed.reply_code, closed.reply_text) == (406, "PRECONDITION_FAILED - fast reply consumer does not exist")
