"""
JSON is read as Go reads it: the same values, and the same complaints.
"""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.shop.go_json import GoJSONError, decode_first, float32_field, strings, unmarshal

# Text, Go's complaint (taken from encoding/json's own tests and documentation where they have it).
COMPLAINTS = [
    ("", "unexpected end of JSON input"),
    ("  ", "unexpected end of JSON input"),
    ('{"a":', "unexpected end of JSON input"),
    ('"abc', "unexpected end of JSON input"),
    ("12.", "unexpected end of JSON input"),
    ("tru", "unexpected end of JSON input"),
    ("not", "invalid character 'o' in literal null (expecting 'u')"),
    ("trux", "invalid character 'x' in literal true (expecting 'e')"),
    ("fals3", "invalid character '3' in literal false (expecting 'e')"),
    ("x", "invalid character 'x' looking for beginning of value"),
    ("'a'", "invalid character '\\'' looking for beginning of value"),
    ("[1,]", "invalid character ']' looking for beginning of value"),
    ("[1 2]", "invalid character '2' after array element"),
    ('{"a" 1}', "invalid character '1' after object key"),
    ('{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
    ("{1:2}", "invalid character '1' looking for beginning of object key string"),
    ('{"a":1,}', "invalid character '}' looking for beginning of object key string"),
    ("1 2", "invalid character '2' after top-level value"),
    ("01", "invalid character '1' after top-level value"),
    ("-x", "invalid character 'x' in numeric literal"),
    ("1.x", "invalid character 'x' after decimal point in numeric literal"),
    ("1ex", "invalid character 'x' in exponent of numeric literal"),
    ('"\\q"', "invalid character 'q' in string escape code"),
    ('"\\u00g0"', "invalid character 'g' in \\u hexadecimal character escape"),
    ('"a\nb"', "invalid character '\\n' in string literal"),
    ("[" * 20_000, "exceeded max depth"),
]


@pytest.mark.parametrize(("text", "complaint"), COMPLAINTS)
def test_a_complaint_is_gos(text: str, complaint: str) -> None:
    with pytest.raises(GoJSONError) as raised:
        unmarshal(text.encode())

    assert str(raised.value) == complaint


def test_a_decoder_says_eof_where_unmarshal_says_end_of_input_and_ignores_what_follows() -> None:
    for text, complaint in ((b"", "EOF"), (b" \n", "EOF"), (b'{"a"', "unexpected EOF")):
        with pytest.raises(GoJSONError, match=f"^{complaint}$"):
            decode_first(text)
    assert decode_first(b'{"a":1} and more') == {"a": 1}


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(values, st.sampled_from([None, 1]), st.booleans())
def test_every_value_is_read_as_it_was_written(value: object, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")

    assert unmarshal(text) == json.loads(text.decode("utf-8", "surrogatepass"))


@given(st.lists(st.sampled_from('{}[]",:0123.eE+-tfn truefalsn\\u"x\n\x01é'), max_size=14).map("".join))
def test_any_text_is_read_as_pythons_strict_parser_reads_it_or_refused(text: str) -> None:
    def refuse(constant: str) -> object:
        raise ValueError(constant)

    try:
        expected = json.loads(text, parse_constant=refuse)
    except ValueError:
        with pytest.raises(GoJSONError):
            unmarshal(text.encode())
    else:
        found = unmarshal(text.encode())
        assert found == expected or (isinstance(found, float) and math.isclose(found, float(expected)))


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (unmarshal, decode_first):
        try:
            read(data)
        except GoJSONError as problem:
            assert str(problem)


def test_half_a_surrogate_pair_and_bytes_that_are_no_text_become_replacement_characters() -> None:
    assert unmarshal(b'"\\ud800"') == "\ufffd"
    assert unmarshal(b'{"\\ud800x":["\xff"]}') == {"\ufffdx": ["\ufffd"]}


def test_strings_are_matched_whatever_their_case_and_default_to_nothing() -> None:
    assert strings({"USERNAME": "a", "other": 1, "email": None}, "api.x", ("username", "email")) == {
        "username": "a",
        "email": "",
    }
    assert strings(None, "api.x", ("username",)) == {"username": ""}
    for value, kind in ((1, "number"), (True, "bool"), ([], "array"), ({}, "object")):
        with pytest.raises(
            GoJSONError, match=f"cannot unmarshal {kind} into Go struct field x.username of type string"
        ):
            strings({"username": value}, "api.x", ("username",))
    with pytest.raises(GoJSONError, match=r"cannot unmarshal string into Go value of type api\.x"):
        strings("text", "api.x", ("username",))


def test_a_number_field_is_zero_where_it_is_absent_and_refused_beyond_single_precision() -> None:
    assert float32_field({"Amount": 2}, "payment.A", "amount") == 2.0
    assert float32_field({"amount": None}, "payment.A", "amount") == 0.0
    for beyond in (1e39, -1e39, 10**60):
        with pytest.raises(GoJSONError, match="number"):
            float32_field({"amount": beyond}, "payment.A", "amount")
    with pytest.raises(GoJSONError, match="cannot unmarshal bool"):
        float32_field({"amount": True}, "payment.A", "amount")
