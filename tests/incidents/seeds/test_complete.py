"""Nothing of the documents is left out, and what the tables name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .page import PAGE, page
from .table import DOCUMENTS, STATES, claims, commands, document, queries

ROOT = Path(__file__).parents[3]
ENTRIES = [*commands(), *queries(), *claims()]


@pytest.mark.parametrize("number", DOCUMENTS)
def test_every_line_is_answered_by_a_command_a_query_or_a_claim(number: int) -> None:
    covered = {line for entry in ENTRIES if entry.document == number for line in entry.covers}

    assert [f"{line}: {text}" for line, text in document(number).items() if text.strip() and line not in covered] == []


@pytest.mark.parametrize("number", DOCUMENTS)
def test_every_kubectl_line_is_typed(number: int) -> None:
    """A command may stand in several places; each is covered by the entry that types it."""
    typed = {line for command in commands() if command.document == number for line in command.covers}

    lines = {line for line, text in document(number).items() if re.match(r"\s*(\$\w+ = )?kubectl ", text)}
    assert lines - typed == set()
    assert len(lines) >= {3: 40, 5: 8}[number]


@pytest.mark.parametrize("number", DOCUMENTS)
def test_every_query_is_asked(number: int) -> None:
    asked = {line for query in queries() if query.document == number for line in query.covers}

    lines = {
        line for line, text in document(number).items() if re.match(r"\s*((Query|Filter): )?kube_namespace:", text)
    }
    assert lines - asked == set()


def test_what_was_asked_is_what_is_printed() -> None:
    for query in queries():
        words = query.query.replace("{order}", "6900953ac1f4320001b50703").replace("{paid}", "69009776c1f4320001b50707")
        assert words in query.verbatim


def test_every_test_that_is_named_exists() -> None:
    for claim in claims():
        assert claim.tests or claim.says, claim
        for name in claim.tests:
            path, _, function = name.partition("::")
            assert re.search(rf"def {re.escape(function)}\b", (ROOT / path).read_text()), name


def test_every_command_has_a_state_and_shows_something() -> None:
    assert [command.run for command in commands() if command.when not in STATES or not command.output] == []


def test_the_page_is_what_the_tables_say() -> None:
    assert PAGE.read_text() == page(), "python -m tests.incidents.seeds.page writes docs/seeds.md again"
