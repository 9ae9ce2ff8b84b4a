"""
Parameters: any bytes become a tree or one sentence; what the official library writes is read back as it was.
"""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.bank.errors import Refused
from drillyard.bank.forms import Params, Tree, parse

NAMES = st.text(alphabet="abcdefgh_", min_size=1, max_size=6)
TREES = st.dictionaries(
    NAMES, st.text(max_size=8) | st.dictionaries(NAMES, st.text(max_size=8), min_size=1), max_size=5
)


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse(text)
    except Refused as refusal:
        assert refusal.status == 400
        assert "\n" not in refusal.message


@given(TREES)
def test_what_is_written_is_read(tree: Tree) -> None:
    pairs: list[tuple[str, str]] = []
    for name, value in tree.items():
        if isinstance(value, str):
            pairs.append((name, value))
        else:
            pairs.extend((f"{name}[{key}]", str(inner)) for key, inner in value.items())

    assert parse(urlencode(pairs)) == tree


def test_a_list_may_be_numbered_or_not() -> None:
    assert Params(parse("expand[]=a&expand[]=b")).texts("expand") == ["a", "b"]
    assert Params(parse("expand[0]=a&expand[1]=b")).texts("expand") == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a[b]=1&a=2", "two different shapes"),
        ("a=1&a[b]=2", "two different shapes"),
        ("[a]=1", "cannot read the parameter name"),
        ("a[b]c=1", "cannot read the parameter name"),
        ("a[1][2][3][4]=5", "nested too deeply"),
    ],
)
def test_a_malformed_name_is_refused(text: str, message: str) -> None:
    with pytest.raises(Refused, match=message):
        parse(text)
