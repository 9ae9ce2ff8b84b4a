"""Baskets repeat with their seed, and cost what the shop says they cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.load.basket import Sock, cents, choose_basket, float32, total_cents

HOLY, SUPERSPORT, CROSSED, NERD, WEAVE = 99.99, 15, 17.32, 7.99, 17.15
SOCKS = [Sock(str(number), f"sock {number}", price) for number, price in enumerate((HOLY, SUPERSPORT, CROSSED, NERD))]


@pytest.mark.parametrize(
    ("lines", "wire"),
    [
        ([(1, HOLY)], 104.979996),
        ([(1, SUPERSPORT)], 19.99),
        ([(1, HOLY), (1, SUPERSPORT)], 119.979996),
        ([(3, CROSSED)], 56.949997),
        ([(2, NERD)], 20.97),
        ([(6, WEAVE)], 107.88999),
        ([], 4.99),
    ],
)
def test_the_totals_seen_in_production_are_met(lines: list[tuple[int, float]], wire: float) -> None:
    assert total_cents(lines) == cents(wire)


@given(st.integers(0, 2**32), st.integers(1, 1000), st.integers(0, 60_000))
def test_a_basket_depends_on_seed_and_number_and_keeps_the_limit(seed: int, number: int, limit: int) -> None:
    basket = choose_basket(SOCKS, seed=seed, number=number, total_max_cents=limit)

    assert basket == choose_basket(SOCKS[::-1], seed=seed, number=number, total_max_cents=limit)
    if limit < 499 + 799:
        assert basket is None
    else:
        assert basket is not None
        assert basket.total_cents <= limit


def test_another_seed_buys_other_socks() -> None:
    bought = {
        tuple(choose_basket(SOCKS, seed=seed, number=number, total_max_cents=50_000) for number in range(5))
        for seed in range(20)
    }
    assert len(bought) > 15


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_32_bit_float_stays_itself(value: float) -> None:
    assert float32(value) == value
