"""
Log lines: Spring's and go-kit's formats to the character, and nothing in them that could forge a line.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.shop import tracing
from drillyard.shop.go_log import go_duration, go_timestamp, line
from drillyard.shop.log_text import one_line
from drillyard.shop.spring_log import SpringFormatter, shorten, thread_name
from drillyard.shop.tracing import Span

CONTROLLER = "works.weave.socks.orders.controllers.OrdersController"


@pytest.fixture(autouse=True)
def no_request() -> Iterator[None]:
    tokens = tracing.span.set(None), tracing.order_id.set(None)
    yield
    tracing.span.reset(tokens[0])
    tracing.order_id.reset(tokens[1])


def spring(level: int, logger: str, text: str) -> str:
    record = logging.LogRecord(logger, level, "file.py", 1, text, None, None)
    record.created, record.msecs = 1761645885.548, 548.0
    return SpringFormatter("orders").format(record)


def test_a_spring_line_is_the_documents() -> None:
    tracing.span.set(Span("0123456789abcdefc59e5840c49d4cb5", "9d2786e33b772955"))
    token = thread_name.set("http-nio-80-exec-1")

    error = spring(logging.ERROR, CONTROLLER, "text")
    thread_name.reset(token)

    assert error == (
        "2025-10-28 10:04:45.548 ERROR [orders,c59e5840c49d4cb5,9d2786e33b772955,false] 1 --- [p-nio-80-exec-1] "
        "w.w.s.o.controllers.OrdersController     : text"
    )
    tracing.span.set(None)
    assert spring(logging.INFO, "a.B", "x").startswith(
        "2025-10-28 10:04:45.548  INFO [orders,,,] 1 --- [           main] a.B  "
    )
    assert " WARN [orders" in spring(logging.WARNING, "a.B", "x")


# A logger's name, what logback makes of it in 39 characters.
LOGGERS = [
    (CONTROLLER, "w.w.s.o.controllers.OrdersController"),
    ("works.weave.socks.shipping.controllers.ShippingController", "w.w.s.s.controllers.ShippingController"),
    ("works.weave.socks.queuemaster.ShippingTaskHandler", "w.w.s.queuemaster.ShippingTaskHandler"),
    (
        "org.apache.catalina.core.ContainerBase.[Tomcat].[localhost].[/].[dispatcherServlet]",
        "o.a.c.c.C.[.[.[/].[dispatcherServlet]",
    ),
    ("short.Name", "short.Name"),
]


@pytest.mark.parametrize(("name", "short"), LOGGERS)
def test_a_logger_is_shortened_as_logback_does(name: str, short: str) -> None:
    assert shorten(name) == short


@given(st.text())
def test_a_text_never_breaks_its_line(text: str) -> None:
    assert len(one_line(text).splitlines()) <= 1
    assert len(line("x.go:1", {"msg": text}).splitlines()) == 1


@given(st.from_regex(r"[ -~]*", fullmatch=True))
def test_a_plain_text_is_left_alone(text: str) -> None:
    assert one_line(text) == text


def test_an_exception_is_named_without_its_stack() -> None:
    try:
        raise ValueError("no\nway")
    except ValueError as problem:
        record = logging.LogRecord(
            "a", logging.ERROR, "f", 1, "failed", None, (ValueError, problem, problem.__traceback__)
        )

    assert SpringFormatter("x").format(record).endswith(": failed: ValueError: no\\nway")


# Nanoseconds, Go's text of them.
DURATIONS = [
    (0, "0s"),
    (1, "1ns"),
    (999, "999ns"),
    (1_000, "1µs"),
    (77_945, "77.945µs"),
    (236_974_386, "236.974386ms"),
    (37_400_000, "37.4ms"),
    (1_200_000_000, "1.2s"),
    (60_000_000_000, "1m0s"),
    (72_500_000_000, "1m12.5s"),
    (3_661_000_000_001, "1h1m1.000000001s"),
]


@pytest.mark.parametrize(("nanoseconds", "text"), DURATIONS)
def test_a_duration_is_gos(nanoseconds: int, text: str) -> None:
    assert go_duration(nanoseconds) == text


@given(st.integers(0, 10**14))
def test_a_duration_reads_back_as_the_same_nanoseconds(nanoseconds: int) -> None:
    units = {"h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "µs": 1000, "ns": 1}
    total = 0
    for whole, fraction, unit in re.findall(r"(\d+)(?:\.(\d+))?(h|ms|m|s|µs|ns)", go_duration(nanoseconds)):
        total += int(whole) * units[unit] + (int(fraction) * units[unit] // 10 ** len(fraction) if fraction else 0)
    assert total == nanoseconds


def test_a_health_line_is_what_the_documents_pipeline_parses() -> None:
    tracing.span.set(tracing.new_span())  # Of the probe's request: it must not stand in the line.

    text = line("logging.go:81", {"method": "Health", "result": 2, "took": "77.945µs"}, now_ns=1760778699751949280)

    assert text == "ts=2025-10-18T09:11:39.75194928Z caller=logging.go:81 method=Health result=2 took=77.945µs"


def test_a_line_about_an_order_ends_with_its_id_and_trace() -> None:
    tracing.span.set(Span("0" * 16 + "c59e5840c49d4cb5", "9d2786e33b772955"))
    tracing.order_id.set("6900953ac1f4320001b50703")

    text = line("logging.go:25", {"method": "Authorise", "err": None, "ok": True, "msg": 'a "b"=c'})

    assert text.partition(" caller=")[2] == (
        r'logging.go:25 method=Authorise err=null ok=true msg="a \"b\"=c" '
        "order_id=6900953ac1f4320001b50703 trace_id=c59e5840c49d4cb5 span_id=9d2786e33b772955"
    )


def test_a_timestamp_has_no_zeros_at_its_end() -> None:
    assert go_timestamp(1761645885_000_000_000) == "2025-10-28T10:04:45Z"
    assert go_timestamp(1761645885_500_000_000) == "2025-10-28T10:04:45.5Z"
