"""The contract of names: any UTF-8 is one, but for the broker's own prefix."""

from __future__ import annotations

import aiormq
import pytest
from pamqp import commands, frame, header

Basic, Queue = commands.Basic, commands.Queue


class Declare(Queue.Declare):
    """pamqp's own would refuse most names."""

    def validate(self) -> None: ...


async def test_a_name_of_the_broker_s_own_is_not_declared_even_where_it_exists(connect):
    channel = await (await connect()).channel()
    queue = await channel.declare_queue(exclusive=True)

    with pytest.raises(aiormq.exceptions.ChannelAccessRefused, match=r"contains reserved prefix 'amq\.\*'"):
        await channel.declare_queue(queue.name, exclusive=True)


@pytest.mark.parametrize("name", ["grün", "waiting (old)", "a=b", "日本", "tab\there", "ä" * 127], ids=ascii)
def test_a_queue_may_have_any_name(raw, name):
    raw.open()
    raw.say(Declare(queue=name, exclusive=True))

    assert raw.expect(Queue.DeclareOk).queue == name
    raw.say(Basic.Get(queue=""))  # The one declared last.
    raw.expect(Basic.GetEmpty)


def test_an_empty_name_means_the_queue_declared_last(raw):
    raw.open()
    raw.say(Queue.Declare(queue="", exclusive=True))
    name = raw.expect(Queue.DeclareOk).queue
    raw.say(Queue.Bind(queue="", exchange="amq.direct", routing_key=""))
    raw.expect(Queue.BindOk)
    raw.say(Basic.Publish(exchange="amq.direct", routing_key=name))
    raw.send(frame.marshal(header.ContentHeader(), 1))
    raw.say(Basic.Get(queue=""))

    assert raw.expect(Basic.GetOk).exchange == "amq.direct"
