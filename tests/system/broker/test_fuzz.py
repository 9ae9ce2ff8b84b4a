"""
Hostile bytes: whatever arrives, the broker answers with AMQP's codes or hangs up, and serves the next client.

Only ever aimed at a broker of ours: mutated declarations leave queues and bindings behind.

Seeded, so that a failure repeats: `DRILLYARD_FUZZ_SEED` chooses another seed, and a failure names its own. Each client says
that it is done (the end of its stream), so the broker's last word is waited for and never guessed.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import struct
from typing import Any

import pika
from pamqp import commands, exceptions, frame, header

SEED = int(os.environ.get("DRILLYARD_FUZZ_SEED", "20251105"))
CONNECTIONS = 80
ANSWER_LIMIT_S = 5.0
# What a client's mistakes may cost it: never 541, which would be the broker's own fault.
CODES = {403, 404, 405, 406, 501, 502, 503, 504, 505, 530, 540}

Basic, Queue, Exchange = commands.Basic, commands.Queue, commands.Exchange
_ARGUMENTS = {"x-max-length": 3, "x-dead-letter-exchange": "", "nested": {"list": [1, "two", None, {"k": 2.5}]}}
CORPUS: list[Any] = [
    Queue.Declare(queue="fuzz", arguments=_ARGUMENTS),
    Queue.Declare(queue="", exclusive=True),
    Queue.Bind(queue="fuzz", exchange="amq.headers", arguments={"x-match": "any", "a": 1}),
    Queue.Delete(queue="fuzz"),
    Exchange.Declare(exchange="fuzz", exchange_type="topic", arguments={"alternate-exchange": "amq.fanout"}),
    Exchange.Bind(destination="amq.fanout", source="amq.topic", routing_key="#.#.*"),
    Basic.Publish(exchange="amq.headers", routing_key="a.b.c"),
    Basic.Publish(routing_key="fuzz", mandatory=True),
    Basic.Consume(queue="fuzz", consumer_tag="t"),
    Basic.Qos(prefetch_count=3),
    Basic.Get(queue="fuzz"),
    Basic.Ack(delivery_tag=0, multiple=True),
    Basic.Nack(delivery_tag=1),
    Basic.Recover(requeue=True),
    commands.Confirm.Select(),
    commands.Tx.Select(),
    commands.Channel.Close(reply_code=200, reply_text="", class_id=0, method_id=0),
    commands.Channel.Open(),
    header.ContentHeader(
        0,
        4,
        Basic.Properties(
            headers={"CC": ["a", "b"], "x-death": [{"count": 1, "queue": "fuzz"}], "t": 1},
            expiration="100",
            reply_to="r",
            delivery_mode=2,
        ),
    ),
]


def mutate(data: bytes, chance: random.Random) -> bytes:
    """A valid frame with a few wrong bytes, mostly inside its payload so that it is parsed at all."""
    changed = bytearray(data)
    for _ in range(chance.randint(0, 4)):
        place = chance.randrange(7, len(changed) - 1) if chance.random() < 0.9 else chance.randrange(len(changed))
        changed[place] = chance.choice((0, 1, 255, chance.randrange(256), ord(chance.choice("SAFTDtbx"))))
    if chance.random() < 0.2:  # A payload cut short, with a frame that says so.
        end = chance.randrange(7, len(changed))
        payload = bytes(changed[7:end])
        return struct.pack(">BHI", changed[0], 1, len(payload)) + payload + b"\xce"
    return bytes(changed)


def hostile(chance: random.Random) -> bytes:
    kind = chance.random()
    if kind < 0.85:
        pieces = [mutate(frame.marshal(chance.choice(CORPUS), 1), chance) for _ in range(chance.randint(1, 6))]
        return b"".join(pieces)
    if kind < 0.95:
        payload = chance.randbytes(chance.randrange(40))
        return struct.pack(">BHI", chance.randrange(10), chance.randrange(3), len(payload)) + payload + b"\xce"
    return chance.randbytes(chance.randrange(200))


def answer_codes(client: Any) -> set[int]:
    """The codes of every close until the broker hangs up. Raises TimeoutError when it does neither."""
    codes = set()
    client.socket.settimeout(ANSWER_LIMIT_S)
    with contextlib.suppress(OSError):  # The broker has hung up already.
        client.socket.shutdown(socket.SHUT_WR)
    with contextlib.suppress(ConnectionError, exceptions.UnmarshalingException):
        while True:
            _, heard = client.hear()
            if isinstance(heard, commands.Connection.Close | commands.Channel.Close):
                codes.add(heard.reply_code)
    return codes


def test_hostile_frames_get_amqp_answers_and_the_broker_lives(start_broker, raw_client):
    broker = start_broker()
    chance = random.Random(SEED)
    seen: set[int] = set()
    for _ in range(CONNECTIONS):
        client = raw_client(broker.amqp_url)
        with contextlib.suppress(ConnectionError):
            if chance.random() < 0.9:
                client.open()
            client.send(hostile(chance))
            client.say(commands.Connection.Close(200, "bye", 0, 0), 0)
        seen |= answer_codes(client)
        client.close()

    assert seen <= CODES, f"seed {SEED}"
    assert {502, 503} <= seen, "the frames were not hostile enough"
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_url))
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_publish("", queue, b"alive")
    assert channel.basic_get(queue, auto_ack=True)[2] == b"alive"
    connection.close()
    assert broker.stop() == 0
    assert "a bug in the broker" not in broker.log
