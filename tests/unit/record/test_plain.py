"""Whatever a drill collects becomes JSON that holds no card number, CCV or password."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.record import Outcome
from drillyard.record.plain import as_line, mask, plain

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.datetimes(timezones=st.just(UTC)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


@given(anything)
def test_anything_becomes_one_line_of_strict_json(content: Any) -> None:
    line = as_line(content)

    assert line.count(b"\n") == 1
    json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_the_shop_s_own_answer_loses_card_number_and_ccv() -> None:
    order = {
        "card": {"longNum": "5544154011345918", "expires": "08/19", "ccv": "958"},
        "text": 'body {"longNum":"5544154011345918","ccv":"958"} Card{longNum=5544154011345918, ccv=958}',
        "headers": {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="},
        "register": {"username": "u", "password": "hunter2"},
    }

    written = as_line(order).decode()

    for secret in ("5544154011345918", "958}", '"958"', "dXNlc", "hunter2"):
        assert secret not in written
    assert plain(order)["card"] == {"longNum": "***5918", "expires": "08/19", "ccv": "***"}


@given(st.text(alphabet=st.characters(categories=["L", "Z", "P"])))
def test_text_without_a_secret_s_name_stays_as_it_is(text: str) -> None:
    if not any(word in text.lower() for word in ("longnum", "ccv", "cvc", "password")):
        assert mask(text) == text


def test_types_of_python_get_their_json_form() -> None:
    @dataclass
    class Row:
        at: datetime
        outcome: Outcome
        path: Path
        tags: frozenset[str]
        ratio: float

    row = Row(datetime(2025, 11, 5, 20, tzinfo=UTC), Outcome.KEPT, Path("a/b"), frozenset({"y", "x"}), math.nan)

    assert plain(row) == {
        "at": "2025-11-05T20:00:00.000Z",
        "outcome": "kept",
        "path": "a/b",
        "tags": ["x", "y"],
        "ratio": None,
    }


def test_a_time_without_zone_and_an_unknown_type_are_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        plain({"at": datetime(2025, 11, 5)})
    with pytest.raises(TypeError, match="a object cannot stand in a record"):
        plain(object())


def test_endless_nesting_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)

    with pytest.raises(ValueError, match="64 levels"):
        plain(loop)
