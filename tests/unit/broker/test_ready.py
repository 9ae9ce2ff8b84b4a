"""Messages that come back take their old places, whatever was out and in which order it returns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drillyard.broker.message import Message
from drillyard.broker.queues.entry import Entry
from drillyard.broker.queues.ready import ReadyMessages


def entries(count: int) -> list[Entry]:
    return [Entry(number, Message("", "q", b"\0\0", b"x" * number)) for number in range(count)]


@given(st.integers(1, 12), st.data())
def test_the_order_and_the_size_are_those_of_the_start(count, data):
    all_entries = entries(count)
    ready = ReadyMessages()
    for entry in all_entries:
        ready.append(entry)
    out = [ready.pop() for _ in range(data.draw(st.integers(0, count)))]
    while out:
        returning = data.draw(st.lists(st.sampled_from(out), unique=True, min_size=1))
        ready.put_back(returning)
        out = [entry for entry in out if entry not in returning]

    assert list(ready) == all_entries
    assert ready.size_bytes == sum(range(count))


def test_what_is_taken_out_is_no_longer_counted():
    ready = ReadyMessages()
    for entry in entries(4):
        ready.append(entry)
    ready.pop()
    ready.pop()
    assert (len(ready), ready.size_bytes) == (2, 5)

    assert len(ready.clear()) == 2
    assert (len(ready), ready.size_bytes, ready.head) == (0, 0, None)
