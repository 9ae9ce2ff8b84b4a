"""A count of an incident file is a number, or follows what the shoppers did; it is never below nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from drillyard.incidents.counts import Count, resolve

COUNT: TypeAdapter[int | str] = TypeAdapter(Count)


@pytest.mark.parametrize(
    ("count", "number"),
    [(3, 3), ("attempts", 7), ("orders", 4), ("refused", 3), ("attempts-3", 4), ("orders-9", 0)],
)
def test_a_count_stands_for_a_number(count: int | str, number: int) -> None:
    assert resolve(COUNT.validate_python(count), attempts=7, accepted=4) == number


@pytest.mark.parametrize("count", [-1, "attempt", "attempts+3", "attempts - 3", "", "orders-", "rest", 1.5])
def test_anything_else_is_refused(count: object) -> None:
    with pytest.raises(ValidationError):
        COUNT.validate_python(count)


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1500))
def test_what_was_refused_and_what_was_accepted_is_all_that_was_tried(tried: int, accepted: int, less: int) -> None:
    accepted = min(accepted, tried)
    counts = {"attempts": tried, "accepted": accepted}
    assert resolve("orders", **counts) + resolve("refused", **counts) == tried
    assert 0 <= resolve(f"attempts-{less}", **counts) <= tried
