"""
Cuts a query into tokens, each with its place, so that every later error can name its column.

The language has context only at a token's start: there `-`, `!`, `>`, `<`, `[`, `{` and `CIDR(` mean something, inside
a word they are ordinary characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from drillyard.telemetry.logs.query.errors import QueryError
from drillyard.telemetry.logs.query.words import ANY, ONE

LENGTH_MAX = 16_384


class Kind(Enum):
    """What a token is."""

    OPEN = auto()
    CLOSE = auto()
    AND = auto()
    OR = auto()
    NOT = auto()
    FIELD = auto()
    WORD = auto()
    PHRASE = auto()
    COMPARE = auto()
    RANGE = auto()
    CIDR = auto()
    END = auto()


@dataclass(frozen=True)
class Token:
    """`text` is the pattern (escapes resolved, wildcards as ANY and ONE); `parts` belong to COMPARE, RANGE and CIDR."""

    kind: Kind
    start: int
    end: int
    text: str = ""
    parts: tuple[str, ...] = ()


_BLANK = " \t\r\n\f\v\u00a0“”"  # Datadog ignores curly quotes.
_OPERATORS = {"AND": Kind.AND, "&&": Kind.AND, "OR": Kind.OR, "||": Kind.OR, "NOT": Kind.NOT}
_RANGE = re.compile(r"([\[{])\s*(\S+)\s+TO\s+([^\s\]}]+)\s*([\]}])")
_COMPARE = re.compile(r"([<>=]+)([^\s()]*)")
_CIDR = re.compile(r"CIDR\(([^()]*)\)")


def tokens(query: str) -> Iterator[Token]:
    """The query's tokens, an END last. Raises QueryError."""
    if len(query) > LENGTH_MAX:
        raise QueryError(f"The query is longer than {LENGTH_MAX} characters", query, LENGTH_MAX)
    query = query.replace(ANY, " ").replace(ONE, " ")
    at, value_expected = 0, False
    while at < len(query):
        char = query[at]
        if char in _BLANK:
            if value_expected and char not in "“”":
                break
            at += 1
            continue
        token = _value(query, at, after_colon=True) if value_expected else _start(query, at)
        yield token
        at, value_expected = token.end, token.kind is Kind.FIELD
    if value_expected:
        raise QueryError(
            "A field without a value", query, max(0, at - 1), hint="Write the value right after the colon, `*` for any."
        )
    yield Token(Kind.END, len(query), len(query))


def _start(query: str, at: int) -> Token:
    """The token at a place where a new clause may begin."""
    char = query[at]
    if char in "-!" and at + 1 < len(query) and query[at + 1] not in _BLANK + ")":
        return Token(Kind.NOT, at, at + 1)
    if query.startswith("CIDR(", at):
        found = _CIDR.match(query, at)
        if not found:
            raise QueryError("An unfinished CIDR", query, at, at + 4, hint="Write CIDR(@attribute, 10.0.0.0/8).")
        return Token(Kind.CIDR, at, found.end(), parts=tuple(part.strip() for part in found[1].split(",")))
    return _value(query, at, after_colon=False)


def _value(query: str, at: int, *, after_colon: bool) -> Token:
    """The token at a place where a value may stand."""
    char = query[at]
    if char == "(":
        return Token(Kind.OPEN, at, at + 1)
    if char == ")":
        return Token(Kind.CLOSE, at, at + 1)
    if char == '"':
        return _phrase(query, at)
    if char in "[{":
        found = _RANGE.match(query, at)
        if not found:
            raise QueryError(
                "An unfinished range", query, at, hint="Write [1 TO 5], {1 TO 5} or, for the character itself, \\[."
            )
        return Token(Kind.RANGE, at, found.end(), parts=found.groups())
    if char in "<>":
        compared = _COMPARE.match(query, at)
        assert compared
        return Token(Kind.COMPARE, at, compared.end(), parts=(compared[1], compared[2]))
    return _word(query, at, after_colon=after_colon)


def _phrase(query: str, start: int) -> Token:
    text, at = [], start + 1
    while at < len(query) and query[at] != '"':
        if query[at] == "\\" and at + 1 < len(query):
            at += 1
        text.append(query[at])
        at += 1
    if at >= len(query):
        raise QueryError("An unfinished quotation", query, start, hint='Close it with another ".')
    return Token(Kind.PHRASE, start, at + 1, "".join(text))


def _word(query: str, start: int, *, after_colon: bool) -> Token:
    """A bare word up to a blank, a bracket or a quote; a colon ends a field's name but is ordinary in a value."""
    text: list[str] = []
    at, plain = start, True
    while at < len(query):
        char = query[at]
        if char in _BLANK or char in '()"':
            break
        if char == ":" and not after_colon:
            if at == start:
                raise QueryError(
                    "A value without a field", query, at, hint="Write field:value, or \\: for the colon itself."
                )
            return Token(Kind.FIELD, start, at + 1, "".join(text))
        if char == "\\":
            if at + 1 >= len(query):
                raise QueryError("A lone backslash", query, at, hint="Write \\\\ for the character itself.")
            at, plain = at + 1, False
            char = query[at]
        elif char in "*?":
            char = ANY if char == "*" else ONE
        text.append(char)
        at += 1
    raw = query[start:at]
    if plain and not after_colon and raw in _OPERATORS:
        return Token(_OPERATORS[raw], start, at)
    return Token(Kind.WORD, start, at, "".join(text))
