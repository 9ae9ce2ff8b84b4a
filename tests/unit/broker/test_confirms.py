"""Publisher confirms: every tag once, whatever the order in which publishes are settled."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drillyard.broker.protocol.confirms import Confirms


@given(st.data(), st.integers(1, 30))
def test_every_tag_is_answered_once_and_rightly_in_any_order(data, count):
    confirms = Confirms()
    order = data.draw(st.permutations([confirms.next_tag() for _ in range(count)]))
    fates = {tag: data.draw(st.booleans()) for tag in order}
    told: dict[int, bool] = {}
    settled: set[int] = set()
    for tag in order:
        confirms.settle(tag, fates[tag])
        settled.add(tag)
        if data.draw(st.booleans()):
            continue  # Several are told together.
        for answer in confirms.take_answers():
            covered = range(1, answer.tag + 1) if answer.multiple else [answer.tag]
            for each in covered:
                assert answer.multiple or each not in told
                if each not in told:
                    assert each in settled, "a multiple covered a publish that is still open"
                    told[each] = answer.accepted
    for answer in confirms.take_answers():
        for each in range(1, answer.tag + 1) if answer.multiple else [answer.tag]:
            told.setdefault(each, answer.accepted)

    assert told == fates
    assert confirms.waiting == 0


def test_a_run_of_publishes_is_one_answer():
    confirms = Confirms()
    for _ in range(100):
        confirms.settle(confirms.next_tag(), True)

    assert [(answer.tag, answer.multiple) for answer in confirms.take_answers()] == [(100, True)]


def test_settling_twice_answers_once():
    confirms = Confirms()
    tag = confirms.next_tag()
    confirms.settle(tag, True)
    confirms.settle(tag, False)

    assert [(answer.tag, answer.accepted) for answer in confirms.take_answers()] == [(tag, True)]
