"""
Money: the wire's floats are Java's, the cents are exact.
"""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.shop.money import Line, float32, go_number, java_number, shortest, total_cents, wire_total

# Totals of the contract, as the original served them.
TOTALS = [
    ([], 4.99, 499),
    ([Line(1, 99.99)], 104.979996, 10498),
    ([Line(1, 15)], 19.99, 1999),
    ([Line(1, 99.99), Line(1, 15)], 119.979996, 11998),
    ([Line(3, 17.32)], 56.949997, 5695),
    ([Line(2, 7.99)], 20.97, 2097),
    ([Line(6, 17.15)], 107.88999, 10789),
]


@pytest.mark.parametrize(("lines", "total", "cents"), TOTALS)
def test_a_total_is_the_originals_float_and_the_exact_cents(lines: list[Line], total: float, cents: int) -> None:
    assert shortest(wire_total(lines)) == total
    assert total_cents(lines) == cents


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_shortest_text_reads_back_as_the_same_single(value: float) -> None:
    assert float32(shortest(value)) == value


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_no_text_with_fewer_digits_reads_back(value: float) -> None:
    digits = len(f"{abs(shortest(value)):e}".replace(".", "").split("e")[0].rstrip("0"))
    if digits > 1:
        assert float32(float(f"{value:.{digits - 1}g}")) != value


@given(st.integers(1, 50), st.integers(1, 20_000))
def test_the_cents_and_the_wire_agree_for_orders_that_the_shop_can_sell(quantity: int, price_cents: int) -> None:
    lines = [Line(quantity, price_cents / 100)]
    if total_cents(lines) < 100_000_00:
        assert round(shortest(wire_total(lines)) * 100) == total_cents(lines)


def test_go_prints_no_decimals_for_whole_numbers_and_java_does() -> None:
    assert repr(go_number(15)) == "15"
    assert repr(java_number(15)) == "15.0"
    assert go_number(float32(99.99)) == java_number(float32(99.99)) == 99.99


def test_what_is_not_finite_is_a_text_on_javas_wire() -> None:
    assert java_number(1e300) == "Infinity"
    assert java_number(-1e300) == "-Infinity"
    assert java_number(math.nan) == "NaN"


@pytest.mark.parametrize("line", [Line(1, math.inf), Line(1, math.nan), Line(2**31 - 1, 3e38)])
def test_what_is_no_amount_of_money_is_refused(line: Line) -> None:
    with pytest.raises(ValueError):
        total_cents([line])


@given(st.floats())
def test_float32_is_what_the_hardware_rounds_to(value: float) -> None:
    try:
        expected = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        expected = math.copysign(math.inf, value)
    assert float32(value) == expected or math.isnan(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9999999, "9999999.0"),
        (1e7, "1.0E7"),
        (12345678, "1.2345678E7"),
        (-2e10, "-2.0E10"),
        (3.4028235e38, "3.4028235E38"),
        (0.001, "0.001"),
        (9.9e-4, "9.9E-4"),
        (1e-10, "1.0E-10"),
        (0, "0.0"),
    ],
)
def test_a_float_is_written_as_javas_float_to_string_does(value: float, text: str) -> None:
    assert str(java_number(value)) == text


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_what_java_would_write_reads_back_as_the_same_float(value: float) -> None:
    assert float32(float(str(java_number(value)))) == value
