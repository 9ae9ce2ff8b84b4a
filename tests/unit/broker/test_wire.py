"""Bytes: any input is read or refused with an AMQP code, and what is read goes out as it came in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands, frame

from drillyard.broker.errors import AmqpError, shorten
from drillyard.broker.message import Message
from drillyard.broker.wire import frames, table
from drillyard.broker.wire.frames import FrameSplitter
from drillyard.broker.wire.methods import pack_method, read_method
from drillyard.broker.wire.properties import Properties, from_json

texts = st.text(max_size=20)
leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | texts | st.floats(allow_nan=False, width=64)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=10
)
field_tables = st.dictionaries(texts, values, max_size=5)
methods = st.sampled_from(sorted(commands.INDEX_MAPPING))


@given(st.binary(max_size=80))
def test_any_bytes_are_a_table_or_a_502(data):
    try:
        table.decode_table(data)
    except AmqpError as error:
        assert error.code == 502


@given(field_tables)
def test_a_table_is_read_as_it_was_written(given_table):
    packed = table.encode_table(given_table)

    assert table.read_table(packed, 0) == (given_table, len(packed))
    assert table.join_entries(table.raw_entries(packed[4:])) == packed


raw_values = st.sampled_from(sorted(table._FIXED_BYTES.items())).flatmap(
    lambda kind: st.binary(min_size=kind[1], max_size=kind[1]).map(lambda content: kind[0] + content)
)


@given(raw_values)
def test_whatever_is_read_can_be_written_and_reads_the_same(raw):
    entry = b"\x01k" + raw
    try:
        decoded = table.decode_table(entry)
    except AmqpError as error:
        assert error.code == 502
        return
    again = table.decode_table(table.encode_table(decoded)[4:])

    assert again == decoded or again["k"] != again["k"] or raw[:1] == b"T"  # NaN; times lose fractions of a second.


@given(field_tables, st.data())
def test_a_table_that_is_cut_anywhere_is_a_502(given_table, data):
    packed = table.encode_table(given_table)
    cut = packed[: data.draw(st.integers(0, len(packed) - 1))]

    with pytest.raises(AmqpError) as refused:
        table.read_table(cut, 0)
    assert refused.value.code == 502


def test_tables_nested_too_deep_are_refused():
    data = b""
    for _ in range(5000):
        data = b"\x01aF" + len(data).to_bytes(4, "big") + data

    with pytest.raises(AmqpError, match="nested deeper"):
        table.decode_table(data)


@pytest.mark.parametrize("value", [1e300, 2**40, -(2**63), b"\xff", [1, {"a": None}], True])
def test_numbers_keep_their_size_in_a_table(value):
    assert table.read_table(table.encode_table({"k": value}), 0)[0] == {"k": value}


@pytest.mark.parametrize("value", [2**63, object(), "\ud800", {"k" * 256: 1}])
def test_what_amqp_cannot_carry_is_refused(value):
    with pytest.raises((TypeError, ValueError)):
        table.encode_table({"k": value})


@given(methods, st.binary(max_size=60))
def test_any_bytes_are_a_method_or_an_amqp_error(index, rest):
    try:
        read_method(index.to_bytes(4, "big") + rest)
    except AmqpError as error:
        assert error.code == 502


@given(st.binary(max_size=4))
def test_an_unknown_method_is_an_amqp_error(data):
    with pytest.raises(AmqpError) as refused:
        read_method(data + b"\xff" * (4 - len(data)) if len(data) == 3 else data[:3])
    assert refused.value.code in (502, 503)


def test_methods_are_read_as_pamqp_wrote_them():
    for method in (
        commands.Queue.Declare(queue="q", durable=True, auto_delete=True, arguments={"x-max-length": 3}),
        commands.Basic.Consume(queue="q", consumer_tag="t", no_ack=True, exclusive=True),
        commands.Basic.Nack(delivery_tag=2**40, multiple=True, requeue=False),
        commands.Connection.TuneOk(2047, 131072, 60),
    ):
        assert dict(read_method(pack_method(method, 1)[7:-1])) == dict(method)


@given(st.binary(max_size=60))
def test_any_bytes_are_properties_or_an_amqp_error(data):
    try:
        properties = Properties.parse(data)
    except AmqpError as error:
        assert error.code == 502
    else:
        assert properties.pack() == data


def test_properties_are_shown_and_read_back_as_json():
    shown = {
        "content_type": "text/plain",
        "headers": {"a": 1, "b": {"c": ["d", True]}},
        "delivery_mode": 2,
        "expiration": "1000",
        "timestamp": 1762372800,
        "app_id": "shop",
    }

    assert Properties.parse(from_json(shown).pack()).as_json() == shown


@pytest.mark.parametrize("given_properties", [{"colour": "red"}, {"headers": 3}, {"delivery_mode": 300}, {"type": 5}])
def test_json_that_is_no_properties_is_refused(given_properties):
    with pytest.raises((TypeError, ValueError)):
        from_json(given_properties)


@given(st.lists(st.binary(max_size=50), max_size=6), st.lists(st.integers(1, 40), min_size=1))
def test_frames_come_out_whole_however_they_were_cut(payloads, cuts):
    stream = b"".join(frames.pack(frames.BODY, number, payload) for number, payload in enumerate(payloads))
    splitter = FrameSplitter(4096)
    found = []
    at = turn = 0
    while at < len(stream):
        step = cuts[turn % len(cuts)]
        splitter.feed(stream[at : at + step])
        at, turn = at + step, turn + 1
        while (heard := splitter.next_frame()) is not None:
            found.append(heard)

    assert found == [(frames.BODY, number, payload) for number, payload in enumerate(payloads)]
    assert splitter.waiting_bytes == 0


def test_a_frame_that_was_pushed_back_comes_again():
    splitter = FrameSplitter(4096)
    splitter.feed(frames.pack(frames.BODY, 1, b"a") + frames.pack(frames.BODY, 1, b"b"))
    first = splitter.next_frame()
    splitter.push_back()

    assert splitter.next_frame() == first
    assert splitter.next_frame() == (frames.BODY, 1, b"b")


def test_a_message_is_packed_into_frames_of_the_agreed_size():
    body = bytes(10_000)
    packed = frames.pack_content(1, frames.deliver(b"\x01t", 7, False, b"\x00", b"\x01q"), b"\x00\x00", body, 4096)

    kinds, sizes = [], []
    while packed:
        size, _, heard = frame.unmarshal(packed)
        kinds.append(heard.name)
        sizes.append(size)
        packed = packed[size:]
    assert kinds == ["Basic.Deliver", "ContentHeader", "ContentBody", "ContentBody", "ContentBody"]
    assert max(sizes) == 4096


@given(texts)
def test_a_reply_text_fits_into_a_short_string(text):
    assert len(shorten(text * 30).encode()) <= 255


def test_bcc_is_a_routing_key_and_is_not_passed_on():
    message = Message("", "a", from_json({"headers": {"CC": ["b"], "BCC": ["c"], "n": 1}}).pack(), b"")

    assert message.routing_keys == ["a", "b", "c"]
    assert message.headers == {"CC": ["b"], "n": 1}
