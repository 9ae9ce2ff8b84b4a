"""Topic patterns, held against a matcher of five lines."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from drillyard.broker.routing.topic import TopicTree

words = st.sampled_from(["a", "b", "", "c"])
keys = st.lists(words, max_size=5).map(".".join)
patterns = st.lists(st.sampled_from(["a", "b", "", "*", "#"]), max_size=5).map(".".join)


def plain_match(pattern: list[str], key: list[str]) -> bool:
    """The definition, one word at a time."""
    if not pattern:
        return not key
    if pattern[0] == "#":
        return any(plain_match(pattern[1:], key[skipped:]) for skipped in range(len(key) + 1))
    return bool(key) and pattern[0] in ("*", key[0]) and plain_match(pattern[1:], key[1:])


def split(text: str) -> list[str]:
    return text.split(".") if text else []


@given(st.lists(patterns, max_size=8), keys)
def test_the_tree_finds_exactly_the_patterns_that_match(added, key):
    tree: TopicTree[int] = TopicTree()
    for number, pattern in enumerate(added):
        tree.add(pattern, number)

    found = tree.match(key)

    assert sorted(found) == [n for n, pattern in enumerate(added) if plain_match(split(pattern), split(key))]


@given(st.lists(patterns, min_size=1, max_size=8), keys, st.data())
def test_removing_one_pattern_leaves_the_others(added, key, data):
    tree: TopicTree[int] = TopicTree()
    for number, pattern in enumerate(added):
        tree.add(pattern, number)
    gone = data.draw(st.integers(0, len(added) - 1))
    before = set(tree.match(key))

    tree.remove(added[gone], gone)
    tree.remove(added[gone], gone)

    assert set(tree.match(key)) == before - {gone}


def test_a_tree_that_lost_everything_is_empty_again():
    tree: TopicTree[int] = TopicTree()
    for pattern in ("a.b.#", "a.*", "#"):
        tree.add(pattern, 1)
    for pattern in ("a.b.#", "a.*", "#"):
        tree.remove(pattern, 1)

    assert not tree._root.children


def test_a_pattern_full_of_hashes_does_not_stall():
    tree: TopicTree[int] = TopicTree()
    tree.add(".".join(["#", "a"] * 60 + ["b"]), 1)
    started = time.perf_counter()

    assert tree.match(".".join(["a"] * 127)) == []
    assert time.perf_counter() - started < 2.0
