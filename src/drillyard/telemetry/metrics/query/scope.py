"""
Scopes: `a:b,!c:d` or `a:b AND (c:d OR NOT e:f)` or `k IN (x,y)`, never mixed.

A scope becomes a tree of the log language over tags, so both languages mean the same by a wildcard.
"""

from __future__ import annotations

import re

from drillyard.telemetry.logs.query.nodes import (
    All,
    Exists,
    Field,
    FieldKind,
    Match,
    Node,
    Not,
    conjunction,
    disjunction,
)
from drillyard.telemetry.logs.query.words import ANY
from drillyard.telemetry.metrics.query.nodes import MetricQueryError

NESTING_MAX = 20
TAGS_MAX = 200

_TOKEN = re.compile(r"\s*(?:([(),!])|([^\s(),!]+))")


def parse_scope(text: str) -> Node:
    """The tree of what stands between `{` and `}`. Raises MetricQueryError."""
    tokens = _tokens(text)
    if tokens in ([], ["*"]):
        return All()
    parser = _Scope(text, tokens)
    simple = "," in _outside_lists(tokens) or "!" in tokens
    boolean = any(token.upper() in ("AND", "OR", "NOT", "IN") for token in tokens)
    if simple and boolean:
        raise MetricQueryError(
            f"The scope {{{text}}} mixes commas or ! with AND, OR, NOT or IN. Use one of the two forms."
        )
    tree = parser.either(0) if boolean else parser.listed()
    if parser.rest:
        raise MetricQueryError(f"The scope {{{text}}} has {parser.rest[0]} where it should end.")
    return tree


def _tokens(text: str) -> list[str]:
    found = [match[1] or match[2] for match in _TOKEN.finditer(text)]
    if len(found) > 4 * TAGS_MAX:
        raise MetricQueryError(f"A scope with more than {TAGS_MAX} tags.")
    return found


def _outside_lists(tokens: list[str]) -> list[str]:
    depth, outside = 0, []
    for token in tokens:
        depth += (token == "(") - (token == ")")
        if depth == 0:
            outside.append(token)
    return outside


class _Scope:
    def __init__(self, text: str, tokens: list[str]) -> None:
        self._text = text
        self.rest = tokens

    def take(self) -> str:
        if not self.rest:
            raise MetricQueryError(f"The scope {{{self._text}}} ends too early.")
        return self.rest.pop(0)

    def word_is(self, *words: str) -> bool:
        return bool(self.rest) and self.rest[0].upper() in words

    def listed(self) -> Node:
        items = [self.simple()]
        while self.rest and self.rest[0] == ",":
            self.take()
            items.append(self.simple())
        return conjunction(items)

    def simple(self) -> Node:
        token = self.take()
        return Not(self.simple()) if token == "!" else self.tag(token)

    def tag(self, token: str) -> Node:
        if token in "(),!":
            raise MetricQueryError(f"The scope {{{self._text}}} has {token} where a tag is missing.")
        return All() if token == "*" else tag_node(token)

    def either(self, depth: int) -> Node:
        if depth > NESTING_MAX:
            raise MetricQueryError(f"A scope nested deeper than {NESTING_MAX} levels.")
        items = [self.both(depth)]
        while self.word_is("OR"):
            self.take()
            items.append(self.both(depth))
        return disjunction(items)

    def both(self, depth: int) -> Node:
        items = [self.one(depth)]
        while self.word_is("AND"):
            self.take()
            items.append(self.one(depth))
        return conjunction(items)

    def one(self, depth: int) -> Node:
        if depth > NESTING_MAX:
            raise MetricQueryError(f"A scope nested deeper than {NESTING_MAX} levels.")
        if self.word_is("NOT"):
            self.take()
            return Not(self.one(depth + 1))
        token = self.take()
        if token == "(":
            tree = self.either(depth + 1)
            if self.take() != ")":
                raise MetricQueryError(f"The scope {{{self._text}}} has a bracket that is never closed.")
            return tree
        if self.word_is("NOT") and len(self.rest) > 1 and self.rest[1].upper() == "IN":
            self.take()
            return Not(self._in(token))
        return self._in(token) if self.word_is("IN") else self.tag(token)

    def _in(self, key: str) -> Node:
        self.take()
        if self.take() != "(":
            raise MetricQueryError(f"The scope {{{self._text}}} needs a list after IN, as in IN (a, b).")
        items = []
        while (token := self.take()) != ")":
            if token != ",":
                items.append(self.tag(f"{key}:{token}"))
        if not items:
            raise MetricQueryError(f"The scope {{{self._text}}} has an empty list after IN.")
        return disjunction(items)


def tag_node(tag: str) -> Node:
    """`key:value` with wildcards, or a bare tag."""
    key, colon, value = tag.lower().partition(":")
    pattern = value.replace("*", ANY)
    if not colon:
        return Match(Field(FieldKind.TAG, "tags"), key.replace("*", ANY))
    return Exists(Field(FieldKind.TAG, key)) if pattern == ANY else Match(Field(FieldKind.TAG, key), pattern)
