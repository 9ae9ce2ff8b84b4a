"""Times, money and foreign texts are written one way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.drills.report import words


def test_times_are_utc_whatever_zone_they_come_in() -> None:
    moment = datetime(2025, 11, 5, 20, 3, 55, 123_456, tzinfo=UTC).astimezone(timezone(timedelta(hours=5.5)))

    assert words.utc(moment) == "2025-11-05 20:03:55 UTC"
    assert words.time_of_day(moment) == "20:03:55.123"


@pytest.mark.parametrize(("t_s", "text"), [(0, "T+0.0 s"), (12.54, "T+12.5 s"), (185.9, "T+3:05"), (3725, "T+1:02:05")])
def test_offsets(t_s: float, text: str) -> None:
    assert words.offset(t_s) == text


@pytest.mark.parametrize(
    ("cents", "text"), [(10498, "$104.98"), (5, "$0.05"), (123456789, "$1,234,567.89"), (-5, "-$0.05"), (None, "–")]
)
def test_money(cents: int | None, text: str) -> None:
    assert words.money(cents) == text


@given(st.text())
def test_markdown_is_one_line_without_live_markup(text: str) -> None:
    line = words.markdown(text)

    assert "\n" not in line
    for sign in "|<>`*":
        assert line.count(sign) == line.count(f"\\{sign}")


@given(st.text())
def test_a_code_span_is_one_line_and_fits_a_cell(text: str) -> None:
    line = words.markdown_code(text)

    assert "\n" not in line
    assert line.count("|") == line.count("\\|")


def test_names_with_underscores_stay_readable() -> None:
    assert words.markdown("paid_not_shipped _x_") == "paid_not_shipped \\_x\\_"


@given(st.text())
def test_nothing_unprintable_is_left(text: str) -> None:
    shown = words.printable(text)

    assert not any(ord(sign) < 32 and sign not in "\n\t" for sign in shown)
    shown.encode()
