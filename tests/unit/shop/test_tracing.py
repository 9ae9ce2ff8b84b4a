"""
The trace and the order's id travel, and nothing malformed does.
"""

from __future__ import annotations

import re
from contextvars import copy_context

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.shop import tracing
from drillyard.shop.tracing import Span, parse_traceparent

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
GOOD = f"00-{TRACE}-{SPAN}-01"

# From the recommendation (https://www.w3.org/TR/trace-context/#versioning-of-traceparent).
HEADERS = [
    (GOOD, Span(TRACE, SPAN, "01")),
    (f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like", Span(TRACE, SPAN, "01")),
    (f"00-{TRACE}-{SPAN}-01-more", None),
    (f"ff-{TRACE}-{SPAN}-01", None),
    (f"00-{'0' * 32}-{SPAN}-01", None),
    (f"00-{TRACE}-{'0' * 16}-01", None),
    (GOOD.upper(), None),
    ("", None),
    (None, None),
]


@pytest.mark.parametrize(("header", "expected"), HEADERS)
def test_a_traceparent_is_read_or_ignored(header: str | None, expected: Span | None) -> None:
    assert parse_traceparent(header) == expected


@given(st.text())
def test_any_header_is_read_or_ignored(header: str) -> None:
    found = parse_traceparent(header)
    assert found is None or parse_traceparent(found.traceparent()) == found


def test_a_request_continues_its_callers_trace_and_its_calls_continue_the_request() -> None:
    def request() -> tuple[Span | None, dict[str, str]]:
        tracing.continue_from({"traceparent": GOOD}, "6900953ac1f4320001b50703")
        return tracing.span.get(), tracing.outgoing_headers()

    span, headers = copy_context().run(request)

    assert span is not None
    assert (span.trace_id, span.flags) == (TRACE, "01")
    assert span.span_id != SPAN
    assert headers["X-Order-Id"] == "6900953ac1f4320001b50703"
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-01", headers["traceparent"])
    assert span.span_id not in headers["traceparent"]


@pytest.mark.parametrize("order_id", ["a b", "x\ny", "", "a" * 65, "é", None])
def test_an_order_id_that_is_none_is_not_passed_on(order_id: str | None) -> None:
    def request() -> dict[str, str]:
        tracing.continue_from({}, order_id)
        return tracing.outgoing_headers()

    assert tracing.ORDER_ID_HEADER not in copy_context().run(request)
