from __future__ import annotations

import array
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.base.spawn_wire import Parser, pack

_CONTENTS = st.dictionaries(st.text(max_size=8).filter(lambda key: key != "fds"), st.text(max_size=40), max_size=4)


@given(contents=st.lists(_CONTENTS, max_size=6), cuts=st.lists(st.integers(1, 40), min_size=1))
def test_messages_survive_any_cutting_of_the_stream(contents: list[dict[str, str]], cuts: list[int]) -> None:
    stream = b"".join(pack(content) for content in contents)
    parser, found, at, turn = Parser(), [], 0, 0
    while at < len(stream):
        step = cuts[turn % len(cuts)]
        found += parser.feed(stream[at : at + step])
        at, turn = at + step, turn + 1
    assert [message.content for message in found] == contents


def test_descriptors_go_to_the_message_that_counts_them() -> None:
    parser = Parser()
    stream = pack({"a": 1}, [7, 8]) + pack({"b": 1}) + pack({"c": 1}, [9])
    rights = array.array("i", [7, 8, 9]).tobytes()
    messages = parser.feed(stream, [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    assert [message.fds for message in messages] == [(7, 8), (), (9,)]


def test_a_length_over_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(ValueError, match="over"):
        Parser().feed(b"\xff\xff\xff\xff")
