"""The contract's words: what a client that errs is told, to the letter, because clients and runbooks match on it."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from pamqp import commands

Basic, Channel, Connection = commands.Basic, commands.Channel, commands.Connection
Exchange, Queue = commands.Exchange, commands.Queue
HERE = "in vhost '/'"


def declare(queue: str = "contract-words", **arguments: Any) -> Any:
    """A declaration of a queue that goes with its client."""
    given = {name.replace("_", "-"): value for name, value in arguments.items()}
    return Queue.Declare(queue=queue, exclusive=True, arguments=given)


def own_queue(raw: Any, **arguments: Any) -> str:
    """A queue that nobody else uses: the broker names it. The test before may still hold a name of our choice."""
    raw.open()
    raw.say(declare("", **arguments))
    return str(raw.hear()[1].queue)


def bad(argument: str, why: str) -> str:
    return f"PRECONDITION_FAILED - invalid arg '{argument}' for queue 'contract-words' {HERE}: {why}"


def of_another_type(argument: str) -> str:
    return f"PRECONDITION_FAILED - invalid arg '{argument}' for queue 'contract-words' {HERE} of queue type rabbit_classic_queue"


DEFAULT = "ACCESS_REFUSED - operation not permitted on the default exchange"
CLOSES_CHANNEL: dict[str, tuple[Any, int, str]] = {
    "the default exchange is not declared": (Exchange.Declare(exchange="", passive=True), 403, DEFAULT),
    "a predeclared exchange stays": (
        Exchange.Delete(exchange="amq.direct"),
        403,
        f"ACCESS_REFUSED - deletion of system exchange 'amq.direct' {HERE} not allowed",
    ),
    "no queue has no name": (Queue.Declare(queue="", passive=True), 404, f"NOT_FOUND - no queue '' {HERE}"),
    "a lifetime of text": (declare(x_message_ttl="a"), 406, bad("x-message-ttl", '"expected integer, got longstr"')),
    "a lifetime of no number": (declare(x_message_ttl=True), 406, bad("x-message-ttl", '"expected integer, got bool"')),
    "a lifetime below 0": (declare(x_message_ttl=-1), 406, bad("x-message-ttl", "{value_negative,-1}")),
    "a lifetime of too many years": (
        declare(x_message_ttl=315_360_000_001),
        406,
        bad("x-message-ttl", "{value_too_large,315360000001}"),
    ),
    "a queue of no lifetime": (declare(x_expires=0), 406, bad("x-expires", "{value_zero,0}")),
    "a length below 0": (declare(x_max_length=-1), 406, bad("x-max-length", "{value_negative,-1}")),
    "an overflow that is none": (declare(x_overflow="odd"), 406, bad("x-overflow", "invalid_overflow")),
    "a type that is none": (declare(x_queue_type="odd"), 406, bad("x-queue-type", "\"unsupported queue type 'odd'\"")),
    "a mode that is none": (declare(x_queue_mode="odd"), 406, bad("x-queue-mode", "\"unsupported queue mode 'odd'\"")),
    "a version that is none": (
        declare(x_queue_version=7),
        406,
        bad("x-queue-version", "\"unsupported queue version '7'\""),
    ),
    "priorities beyond a byte": (declare(x_max_priority=256), 406, bad("x-max-priority", "{max_value_exceeded,256}")),
    "a single active consumer of text": (
        declare(x_single_active_consumer="yes"),
        406,
        bad("x-single-active-consumer", "{unacceptable_type,longstr}"),
    ),
    "a stream's argument": (declare(x_max_age="1h"), 406, of_another_type("x-max-age")),
    "a quorum queue's argument": (declare(x_delivery_limit=3), 406, of_another_type("x-delivery-limit")),
    "a strategy for dead letters": (
        declare(x_dead_letter_strategy="at-most-once"),
        406,
        of_another_type("x-dead-letter-strategy"),
    ),
}


@pytest.mark.parametrize(("method", "code", "text"), CLOSES_CHANNEL.values(), ids=CLOSES_CHANNEL.keys())
def test_a_channel_is_closed_with_these_words(raw, method, code, text):
    raw.open()
    raw.say(method)

    closed = raw.expect(Channel.Close)

    assert (closed.reply_code, closed.reply_text) == (code, text)


CLOSES_CONNECTION: dict[str, tuple[Any, int, str]] = {
    "a type of exchange that is none": (
        Exchange.Declare(exchange="contract-words", exchange_type="odd"),
        503,
        "COMMAND_INVALID - unknown exchange type 'odd'",
    ),
    "no type of exchange": (
        Exchange.Declare(exchange="contract-words", exchange_type=""),
        503,
        "COMMAND_INVALID - invalid exchange type ''",
    ),
    "a prefetch in bytes": (Basic.Qos(prefetch_size=5), 540, "NOT_IMPLEMENTED - prefetch_size!=0 (5)"),
    "a channel opened twice": (Channel.Open(), 504, "CHANNEL_ERROR - second 'channel.open' seen"),
}


@pytest.mark.parametrize(("method", "code", "text"), CLOSES_CONNECTION.values(), ids=CLOSES_CONNECTION.keys())
def test_a_connection_is_closed_with_these_words_and_the_method_that_they_answer(raw, method, code, text):
    raw.open()
    raw.say(method)

    closed = raw.expect(Connection.Close)

    assert (closed.reply_code, closed.reply_text) == (code, text)
    assert (closed.class_id, closed.method_id) == (method.index >> 16, method.index & 0xFFFF)


def test_a_method_on_a_closed_channel_is_told_that_it_must_be_opened(raw):
    raw.open()
    raw.say(Channel.Close(200, "", 0, 0))
    raw.expect(Channel.CloseOk)
    raw.say(Basic.Qos(prefetch_count=1))

    closed = raw.expect(Connection.Close)

    assert (closed.reply_code, closed.reply_text) == (504, "CHANNEL_ERROR - expected 'channel.open'")
    assert (closed.class_id, closed.method_id) == (60, 10)


@pytest.mark.parametrize(
    "method",
    [
        Queue.Unbind(queue="no-such-queue", exchange="amq.direct", routing_key="k"),
        Queue.Unbind(queue="", exchange="no-such-exchange", routing_key="k"),
        Exchange.Unbind(destination="amq.direct", source="no-such-exchange", routing_key="k"),
    ],
    ids=["queue", "exchange", "exchanges"],
)
def test_unbinding_what_is_not_there_is_no_error(raw, method):
    own_queue(raw)
    raw.say(method)

    raw.expect(Queue.UnbindOk if isinstance(method, Queue.Unbind) else Exchange.UnbindOk)


def test_a_queue_is_classic_whether_its_type_is_named_or_not(raw):
    name = f"contract-words-{uuid.uuid4().hex[:12]}"
    raw.open()
    for method in (declare(name), declare(name, x_queue_type="classic")):
        raw.say(method)
        assert raw.hear()[1].queue == name


def test_a_queue_cannot_change_its_version(raw):
    name = f"contract-words-{uuid.uuid4().hex[:12]}"
    raw.open()
    raw.say(declare(name, x_queue_version=2))
    raw.expect(Queue.DeclareOk)
    raw.say(declare(name))

    assert raw.expect(Channel.Close).reply_text.startswith("PRECONDITION_FAILED - inequivalent arg 'x-queue-version'")


def test_a_lifetime_of_ten_years_is_taken(raw):
    assert own_queue(raw, x_message_ttl=315_360_000_000).startswith("amq.gen-")


def test_an_exclusive_consumer_does_not_keep_others_from_getting(raw):
    queue = own_queue(raw)
    raw.say(Basic.Consume(queue=queue, consumer_tag="t", exclusive=True))
    raw.expect(Basic.ConsumeOk)
    raw.say(Basic.Get(queue=queue))

    raw.expect(Basic.GetEmpty)


def test_a_single_active_consumer_is_not_exclusive_too(raw):
    queue = own_queue(raw, x_single_active_consumer=True)
    raw.say(Basic.Consume(queue=queue, consumer_tag="t", exclusive=True))

    closed = raw.expect(Channel.Close)

    assert (closed.reply_code, closed.reply_text) == (403, f"ACCESS_REFUSED - queue '{queue}' {HERE} in exclusive use")


def test_a_secret_can_be_renewed(raw):
    raw.open()
    raw.say(Connection.UpdateSecret("guest", "it is time"), 0)

    raw.expect(Connection.UpdateSecretOk)
