"""
How a report writes times, money and texts that came from elsewhere.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from drillyard.reconcile.disagreements import OrderClass

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?")
# Controls other than tab and newline have no place in a page; the bidirectional ones make a text read otherwise.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_MARKDOWN = re.compile(r"([\\`*\[\]<>|~#]|(?<![0-9A-Za-z])_|_(?![0-9A-Za-z]))")


def printable(text: object) -> str:
    """The text without terminal escapes; other control characters become visible as �."""
    return _CONTROL.sub("�", _ANSI.sub("", str(text)).replace("\r\n", "\n").replace("\r", "\n"))


def utc(moment: datetime) -> str:
    """`2025-11-05 20:03:55 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def time_of_day(moment: datetime) -> str:
    """`20:03:55.120`, in UTC; the page says so once per table."""
    return f"{moment.astimezone(UTC):%H:%M:%S.%f}"[:-3]


def offset(t_s: float) -> str:
    """`T+12.5 s`, `T+3:05`."""
    if t_s < 60:
        return f"T+{t_s:.1f} s"
    whole = int(t_s)
    hours = f"{whole // 3600}:{whole % 3600 // 60:02d}" if whole >= 3600 else f"{whole // 60}"
    return f"T+{hours}:{whole % 60:02d}"


def money(cents: int | None) -> str:
    """`$104.98`; a dash for what nobody said."""
    if cents is None:
        return "–"
    return f"{'-' if cents < 0 else ''}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def counted(number: int, noun: str) -> str:
    """`1 order`, `5 orders`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def times(number: int) -> str:
    """`never`, `once`, `twice`, `3 times`."""
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def in_words(order_class: str) -> str:
    """`charged, but the order failed` for `charged_order_failed`."""
    try:
        return OrderClass(order_class).words
    except ValueError:
        return order_class.replace("_", " ")


def markdown(text: object) -> str:
    """The text in one line, with what Markdown would take for markup escaped; fits a table cell."""
    return _MARKDOWN.sub(r"\\\1", " ".join(printable(text).split()))


def markdown_code(text: object) -> str:
    """The text as a code span that fits a table cell."""
    line = " ".join(printable(text).split())
    if not line:
        return "–"
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}".replace("|", "\\|")


def markdown_block(text: object) -> str:
    """The text as a fenced block whose fence the text cannot close."""
    body = printable(text).rstrip("\n")
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", body)), default=0) + 1)
    return f"{fence}text\n{body}\n{fence}"
