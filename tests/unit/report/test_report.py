"""Page and Markdown tell everything that the record holds, stand alone, and let nothing from outside speak as markup."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.base.errors import DrillyardError
from drillyard.drills.report import render_html, render_markdown, write_reports
from drillyard.record import Record, RecordWriter

MadeUp = Callable[..., Record]
VOID = {"meta", "br"}


class Page(HTMLParser):
    """Checks that tags are closed in their order, and collects tags, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


TOLD = [
    "Orders placed in the last hour haven't shipped.",
    "Shoppers tried to order 5 times; the shop accepted 5, worth $235.21.",
    "The fault is on: consumers 0, no endpoints",
    "broke what it says, showed as it says, and healed",
    "The queue grew to 5 messages and was empty 1.2 s after the cure.",
    "agree on all 5 orders; 5 shipped exactly once.",
    "The fault was on for 8.2 s.",
    "6900953ac1f4320001b50705",
    "$104.98",
    "Every order was answered 201 and PAID",
    "14 of 14",
    "The last 3 were judged from the record when this report was made.",
    'kube_namespace:sock-shop service:shipping "Published"',
    'kube_namespace:sock-shop service:sock-shop-shipping "Published"',
    "nothing is called shipping.",
    "scaled it to 1",
    "deployment queue-master: replicas 0 → 1",
    "drill run queue-consumer-down --seed 42",
    "2025-11-05 20:00:00 UTC",
    "evidence/reconciliation.json",
]


@pytest.mark.parametrize("told", TOLD)
def test_both_forms_tell_it(made_up: MadeUp, told: str) -> None:
    record = made_up()

    assert told in Page(render_html(record)).text
    assert told in " ".join(render_markdown(record).split())


def test_the_page_asks_nobody_for_anything(made_up: MadeUp) -> None:
    page = Page(render_html(made_up()))

    assert not page.tags & {"script", "link", "img", "iframe", "object", "embed", "video", "form"}
    assert not {name for name, _ in page.attributes} & {"src", "srcset", "action", "style", "onload", "onclick"}
    links = [str(value) for name, value in page.attributes if name == "href"]
    assert links and all(link.startswith(("evidence/", "ledgers/", "samples.", "journal.")) for link in links)
    assert "url(" not in render_html(made_up())
    assert "@import" not in render_html(made_up())


def test_every_literal_query_stands_with_its_count_beside_the_corrected_one(made_up: MadeUp) -> None:
    text = Page(render_html(made_up())).text

    printed = text.index('as printed kube_namespace:sock-shop service:shipping "Published" 0')
    assert printed < text.index('corrected kube_namespace:sock-shop service:sock-shop-shipping "Published" 5')


HOSTILE = "\x1b[31m<script>alert(1)</script> | **bold** `code` ``` \x00 \u202e [x](http://evil) & \ud800"


def test_text_from_outside_stays_text(made_up: MadeUp) -> None:
    def hostile(drill: Any) -> None:
        drill.output = HOSTILE
        drill.shoppers[0]["status_seen"] = HOSTILE

    record = made_up(hostile)
    page, markdown = render_html(record), render_markdown(record)

    assert "script" not in Page(page).tags
    assert "<script>alert(1)</script>" in Page(page).text
    for report in (page, markdown):
        assert not set("\x1b\x00\u202e\ud800") & set(report)
        report.encode()
    row = next(line for line in markdown.splitlines() if line.startswith("| `6900953ac1f4320001b50701`"))
    assert "\\<script\\>" in row
    assert "\\*\\*bold\\*\\*" in row
    assert len([at for at, sign in enumerate(row) if sign == "|" and row[at - 1] != "\\"]) == 8


def test_an_output_with_fences_cannot_close_its_block(made_up: MadeUp) -> None:
    def fenced(drill: Any) -> None:
        drill.output = "```\n# not a heading\n````"

    markdown = render_markdown(made_up(fenced))

    assert "`````text\n```\n# not a heading\n````\n`````\n" in markdown


def test_an_output_without_end_is_cut_and_says_where_the_rest_is(made_up: MadeUp) -> None:
    def endless(drill: Any) -> None:
        drill.output = "x" * 100_000

    page = render_html(made_up(endless))

    assert "80000 more characters in evidence/investigator-output.txt" in page
    assert len(page) < 100_000


def test_a_record_that_died_at_once_still_has_a_report(tmp_path: Path) -> None:
    writer = RecordWriter.create(tmp_path, incident="x", yard="y", seed=1, clock=VirtualClock(), versions={})
    writer.close()

    page = Page(render_html(Record.open(writer.path)))

    assert "UNCLEAR" in page.text
    assert "No fault was put in." in page.text
    assert "svg" not in page.tags


def test_reports_are_laid_into_the_record(made_up: MadeUp) -> None:
    record = made_up()

    page = write_reports(record.path)

    assert page == record.path / "report.html"
    assert page.read_text() == render_html(record)
    assert (record.path / "report.md").read_text() == render_markdown(record)
    assert Record.open(record.path).altered_files() == ()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("reconciliation", {"rows": [{}], "disagreements": [], "totals": {}}),
        ("reconciliation", {"rows": 7}),
        ("queries", [{"title": "x"}]),
        ("queries", 7),
        ("incident", 7),
        ("investigator-changes", 7),
    ],
)
def test_evidence_that_does_not_fit_is_a_sentence_and_no_crash(made_up: MadeUp, name: str, content: Any) -> None:
    record = made_up()
    (record.path / f"evidence/{name}.json").write_text(json.dumps(content))

    try:
        render_html(Record.open(record.path))
    except DrillyardError as refused:
        assert "No report can be made" in str(refused)


def test_the_markdown_tables_have_as_many_cells_as_their_heads(made_up: MadeUp) -> None:
    width = None
    for line in render_markdown(made_up()).splitlines():
        if not line.startswith("|"):
            width = None
            continue
        cells = line.replace("\\|", "").count("|")
        width = width or cells
        assert cells == width, line
