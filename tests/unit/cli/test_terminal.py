"""Whatever a log line holds, no control character of it reaches the terminal, and no line passes for two."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from drillyard.cli.logs import show_logs
from drillyard.cli.terminal import plain, rendered

CONTROLS = {"Cc", "Cf", "Cs", "Zl", "Zp"}
DANGEROUS = [
    "\x1b]0;owned\x07",
    "\x1b[2J",
    "\x1b[8mhidden",
    "\x1b[30;40mblack",
    "\x9b2J",
    "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\",
    "a\rb",
    "\u202egnp.exe",
    "\x1b[1;2;3H",
    "\x1b\x1b[31m[2J",
]


@pytest.mark.parametrize("text", DANGEROUS)
def test_an_escape_is_shown_and_not_obeyed(text: str) -> None:
    for shown in (plain(text), rendered(text).plain):
        assert not any(
            (ord(char) < 32 and char != "\n") or 0x7F <= ord(char) < 0xA0 or char == "\u202e" for char in shown
        )


@given(st.text())
@example("".join(DANGEROUS))
def test_no_text_leaves_a_control_character(text: str) -> None:
    assert not {unicodedata.category(char) for char in plain(text)} & CONTROLS
    assert not {unicodedata.category(char) for char in rendered(text).plain if char != "\n"} & CONTROLS


def test_the_colours_of_a_morgan_line_are_rendered() -> None:
    text = rendered("\x1b[0mPOST /orders \x1b[32m201 \x1b[0m56.961 ms - 687\x1b[0m")

    assert text.plain == "POST /orders 201 56.961 ms - 687"
    assert [text.plain[span.start : span.end] == "201 " for span in text.spans if "color(2)" in str(span.style)] == [
        True
    ]


def test_a_second_line_is_indented_so_that_it_cannot_pass_for_a_log() -> None:
    assert rendered("first\n2025-10-28T10:00:00Z error faked").plain == "first\n    2025-10-28T10:00:00Z error faked"


def test_a_log_is_printed_on_one_line_with_its_time_and_service() -> None:
    out = io.StringIO()
    item = {
        "attributes": {
            "timestamp": "2025-10-28T10:04:45.548Z",
            "status": "info",
            "service": "a\x1b[2J",
            "message": "[bold]x\x07",
        }
    }

    show_logs(Console(file=out, soft_wrap=True), [item])

    assert out.getvalue() == "2025-10-28T10:04:45.548Z info  a␛[2J [bold]x␇\n"
