"""Verdicts combine by the worst, and nothing that crashed or was not looked at counts as a pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.base.errors import DrillyardError
from drillyard.record import Check, Outcome, Verdict, judge, judge_later, worst

outcomes = st.sampled_from(Outcome)


def check(outcome: Outcome, name: str = "depth") -> Check:
    return Check(name, outcome, "The queue is empty again", "0 messages", "3 messages")


@given(st.lists(outcomes, min_size=1))
def test_the_worst_outcome_decides_whatever_the_order(some: list[Outcome]) -> None:
    assert worst(some) is worst(reversed(some))
    assert all(one.severity <= worst(some).severity for one in some)


def test_kept_is_better_than_unclear_than_broken_than_invalid() -> None:
    assert sorted(Outcome, key=lambda one: one.severity) == [
        Outcome.KEPT,
        Outcome.UNCLEAR,
        Outcome.BROKEN,
        Outcome.INVALID,
    ]


@pytest.mark.parametrize(
    ("outcome", "code"), [(Outcome.KEPT, 0), (Outcome.BROKEN, 1), (Outcome.UNCLEAR, 3), (Outcome.INVALID, 70)]
)
def test_each_outcome_has_its_exit_code(outcome: Outcome, code: int) -> None:
    assert Verdict(outcome, "").exit_code == code


def test_a_drill_that_checked_nothing_is_unclear() -> None:
    assert Verdict.of([]).outcome is Outcome.UNCLEAR
    assert worst([]) is Outcome.UNCLEAR


def test_the_reason_names_the_deciding_check_and_how_many_more() -> None:
    verdict = Verdict.of([check(Outcome.KEPT), check(Outcome.BROKEN), check(Outcome.BROKEN), check(Outcome.UNCLEAR)])

    assert verdict.outcome is Outcome.BROKEN
    assert verdict.reason == "The queue is empty again: expected 0 messages, seen 3 messages (and 1 more)."


def test_a_look_that_raises_is_unclear_and_says_what_happened() -> None:
    def look() -> tuple[bool, str]:
        raise TimeoutError("no answer in 5 s\nsecond line")

    crashed = judge("broker", "The broker answers", "200", look)

    assert crashed.outcome is Outcome.UNCLEAR
    assert crashed.seen == "the check failed: TimeoutError: no answer in 5 s"


def test_a_look_that_cannot_be_taken_is_told_in_its_own_words() -> None:
    def look() -> tuple[bool, str]:
        raise DrillyardError("Datadog refused the keys.", hint="Set DD_API_KEY.")

    assert judge("logs", "Logs arrive", "1", look).seen == "the check could not be made: Datadog refused the keys"


@pytest.mark.parametrize(("kept", "outcome"), [(True, Outcome.KEPT), (False, Outcome.BROKEN), (None, Outcome.UNCLEAR)])
async def test_a_look_says_yes_no_or_cannot_tell(kept: bool | None, outcome: Outcome) -> None:
    async def look() -> tuple[bool | None, int]:
        return kept, 3

    assert judge("n", "c", 0, lambda: (kept, 3)).outcome is outcome
    later = await judge_later("n", "c", 0, look)
    assert (later.outcome, later.expected, later.seen) == (outcome, "0", "3")


async def test_a_waiting_look_that_raises_is_unclear() -> None:
    async def look() -> tuple[bool, str]:
        raise OSError("gone")

    assert (await judge_later("n", "c", 0, look)).outcome is Outcome.UNCLEAR


@given(outcomes, st.text(), st.text())
def test_a_check_survives_the_way_through_json(outcome: Outcome, expected: str, seen: str) -> None:
    one = Check("n", outcome, "c", expected, seen)
    assert Check.from_json(one.to_json()) == one
