"""
The two incident documents, line by line, beside what plays them: commands.yaml, queries.yaml and claims.yaml.

`documents/incident-N.txt` holds the document's commands, queries, outputs, statuses and figures word for word, each with
its line number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
DOCUMENTS = {3: "incident-3-payment-transaction.md", 5: "incident-5-async-order-processing.md"}
STATES = (
    "healthy",
    "payment-going",
    "payment-down",
    "load",
    "payment-returning",
    "payment-back",
    "payment-slow",
    "queue-going",
    "queue-down",
    "queue-returning",
    "queue-back",
)
"""In the order in which one yard goes through them."""

_WORD = re.compile(r"\{(failed|orders|order|paid)\}")


@cache
def document(number: int) -> dict[int, str]:
    """Line number → the line, as the document has it."""
    rows = (HERE / "documents" / f"incident-{number}.txt").read_text().splitlines()
    return {int(line): text for line, _, text in (row.partition("\t") for row in rows)}


def lines_of(places: Any) -> list[int]:
    """`76`, `"75-78"` or a list of these, as line numbers."""
    if isinstance(places, list):
        return [line for place in places for line in lines_of(place)]
    first, _, last = str(places).partition("-")
    return list(range(int(first), int(last or first) + 1))


def filled(text: str, words: Mapping[str, Any]) -> str:
    """The text with what the ledger says in place of `{failed}` and its like; other braces stay."""
    return _WORD.sub(lambda found: str(words[found[1]]), text)


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command line of a document, and what it must show."""

    document: int
    at: list[int]
    covers: list[int]
    when: str
    run: str
    exit: int = 0
    output: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    until: str = ""
    once: bool = False
    of_load: bool = False
    differs: str = ""

    @property
    def verbatim(self) -> str:
        return "\n".join(document(self.document)[line].strip() for line in self.at)


@dataclass(frozen=True, kw_only=True)
class Query:
    """A Datadog query of a document, and how much it must find by state: a number, or a word of the ledger."""

    document: int
    at: list[int]
    covers: list[int]
    query: str
    counts: Mapping[str, Any]
    kind: str = "logs"
    corrected: str = ""
    corrected_counts: Mapping[str, Any] = field(default_factory=dict)
    why: str = ""

    @property
    def verbatim(self) -> str:
        return document(self.document)[self.at[0]].strip()


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A status, figure or sentence of a document: the tests that hold it (`path::name`), or why nothing does."""

    document: int
    covers: list[int]
    tests: tuple[str, ...] = ()
    says: str = ""


def commands() -> list[Command]:
    found = []
    for number, one in _entries("commands.yaml"):
        at = lines_of(one.pop("at"))
        _same(number, at, lines_of(one.pop("again", [])))
        covers = sorted({*at, *lines_of(one.pop("covers"))})
        printed = "\n".join(document(number)[line].strip() for line in at)
        patterns = {key: tuple(one.pop(key, ())) for key in ("output", "absent")}
        found.append(Command(document=number, at=at, covers=covers, run=one.pop("run", printed), **patterns, **one))
    return found


def queries() -> list[Query]:
    found = []
    for number, one in _entries("queries.yaml"):
        at = lines_of(one.pop("at"))
        _same(number, at, lines_of(one.pop("again", [])))
        covers = sorted({*at, *lines_of(one.pop("covers"))})
        counts = {state: one.pop(state) for state in ("3A", "3B", "5", 5, "back") if state in one}
        counts = {str(state): count for state, count in counts.items()}
        corrected = {str(state): count for state, count in one.pop("corrected_counts", {}).items()}
        text = one.pop("query", document(number)[at[0]].strip())
        found.append(
            Query(document=number, at=at, covers=covers, query=text, counts=counts, corrected_counts=corrected, **one)
        )
    return found


def claims() -> list[Claim]:
    return [
        Claim(
            document=number, covers=lines_of(one["lines"]), tests=tuple(one.get("tests", ())), says=one.get("says", "")
        )
        for number, one in _entries("claims.yaml")
    ]


def _same(number: int, at: list[int], again: list[int]) -> None:
    for line in again:
        assert document(number)[line].strip() == document(number)[at[0]].strip(), (
            f"{number}:{line} is not {number}:{at[0]}"
        )


def _entries(name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, entries in yaml.safe_load((HERE / name).read_text()).items():
        for entry in entries:
            yield number, dict(entry)
