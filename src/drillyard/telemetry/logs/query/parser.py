"""
Builds the tree: or of ands of nots, with one limit on nesting and one on the number of clauses.
"""

from __future__ import annotations

import math
import re
from ipaddress import ip_network

from drillyard.telemetry.logs.query.errors import QueryError
from drillyard.telemetry.logs.query.lexer import Kind, Token, tokens
from drillyard.telemetry.logs.query.nodes import (
    RESERVED,
    All,
    Cidr,
    Exists,
    Field,
    FieldKind,
    Match,
    Node,
    Not,
    Range,
    Text,
    conjunction,
    disjunction,
)
from drillyard.telemetry.logs.query.words import ANY, is_wild, word_patterns

NESTING_MAX = 50
CLAUSES_MAX = 1_000

_COMPARISONS = (">", ">=", "<", "<=")
_CIDR_NAME = re.compile(r"@?[\w.\-/]+")


def parse(query: str) -> Node:
    """The tree of a query; an empty one means every log. Raises QueryError, and nothing else, for any text."""
    parser = _Parser(query)
    if parser.here.kind is Kind.END:
        return All()
    tree = parser.either(None)
    if parser.here.kind is Kind.CLOSE:
        raise parser.error("A bracket that was never opened")
    return tree


class _Parser:
    def __init__(self, query: str) -> None:
        self.query = query
        self._tokens = list(tokens(query))
        self._next = 0
        self._depth = 0
        self._clauses = 0

    @property
    def here(self) -> Token:
        return self._tokens[self._next]

    def error(self, message: str, token: Token | None = None, *, hint: str | None = None) -> QueryError:
        place = token or self.here
        return QueryError(message, self.query, place.start, place.end, hint=hint)

    def take(self) -> Token:
        token = self.here
        self._next += 1
        return token

    def either(self, field: Field | None) -> Node:
        items = [self.all_of(field)]
        while self.here.kind is Kind.OR:
            self.take()
            items.append(self.all_of(field))
        return disjunction(items)

    def all_of(self, field: Field | None) -> Node:
        items = [self.negated(field)]
        while self.here.kind not in (Kind.OR, Kind.CLOSE, Kind.END):
            if self.here.kind is Kind.AND:
                self.take()
            items.append(self.negated(field))
        return conjunction(items)

    def negated(self, field: Field | None) -> Node:
        if self.here.kind is not Kind.NOT:
            return self.clause(field)
        self._deeper()
        self.take()
        item = self.negated(field)
        self._depth -= 1
        return Not(item)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > NESTING_MAX:
            raise self.error(f"More than {NESTING_MAX} brackets and negations inside each other")

    def clause(self, field: Field | None) -> Node:
        self._clauses += 1
        if self._clauses > CLAUSES_MAX:
            raise self.error(f"More than {CLAUSES_MAX} clauses")
        token = self.take()
        match token.kind:
            case Kind.OPEN:
                return self._group(token, field)
            case Kind.FIELD:
                if field:
                    raise self.error("A field inside another field's brackets", token)
                return self._valued(token)
            case Kind.WORD | Kind.PHRASE:
                return _match(field, token)
            case Kind.RANGE | Kind.COMPARE:
                if not field:
                    raise self.error(
                        "A comparison without a field",
                        token,
                        hint="Write @field:>5, or \\ before the character itself.",
                    )
                return self._range(field, token) if token.kind is Kind.RANGE else self._comparison(field, token)
            case Kind.CIDR:
                return self._cidr(token)
            case Kind.END:
                raise self.error("The query ends where a clause is missing", token)
            case _:
                raise self.error(f"{self.query[token.start : token.end]} where a clause is missing", token)

    def _group(self, opening: Token, field: Field | None) -> Node:
        self._deeper()
        tree = self.either(field)
        if self.here.kind is not Kind.CLOSE:
            raise self.error("A bracket that is never closed", opening)
        self.take()
        self._depth -= 1
        return tree

    def _valued(self, token: Token) -> Node:
        if token.text in ("_exists_", "_missing_"):
            value = self.take()
            if value.kind not in (Kind.WORD, Kind.PHRASE) or is_wild(value.text):
                raise self.error("The name of a field is missing", value)
            exists = Exists(self._field(value.text, value))
            return exists if token.text == "_exists_" else Not(exists)
        if token.text != ANY and is_wild(token.text):
            raise self.error("A wildcard in the name of a field", token, hint="Only *: (every field) is possible.")
        return self.clause(self._field(token.text, token))

    def _field(self, name: str, token: Token) -> Field:
        if name == ANY:
            return Field(FieldKind.ANYWHERE, "*")
        if name.startswith("#"):
            raise self.error("Calculated fields (#name) are not kept here", token)
        if name in ("", "@"):
            raise self.error("A field without a name", token)
        if name.startswith("@"):
            return Field(FieldKind.ATTRIBUTE, name[1:])
        # Datadog stores tag keys in lower case, so no upper-case key can ever be found as typed.
        name = name.lower()
        if name in ("_exists_", "_missing_"):
            raise self.error(f"{name} where the name of a field is needed", token)
        return Field(FieldKind.RESERVED if name in RESERVED else FieldKind.TAG, name)

    def _number(self, text: str, token: Token) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or "_" in text:
            raise self.error(f"{text or 'Nothing'} where a number is needed", token)
        return number

    def _comparison(self, field: Field, token: Token) -> Node:
        operator, text = token.parts
        if operator not in _COMPARISONS:
            raise self.error(f"Unknown operator {operator}", token, hint="Use one of >, >=, <, <=.")
        number = self._number(text, token)
        if operator.startswith(">"):
            return Range(field, number, None, low_inclusive=operator == ">=")
        return Range(field, None, number, high_inclusive=operator == "<=")

    def _range(self, field: Field, token: Token) -> Node:
        left, low, high, right = token.parts
        bounds = [None if text == "*" else self._number(text, token) for text in (low, high)]
        return Range(field, bounds[0], bounds[1], left == "[", right == "]")

    def _cidr(self, token: Token) -> Node:
        name, *blocks = token.parts
        if not _CIDR_NAME.fullmatch(name) or not blocks:
            raise self.error("A CIDR needs an attribute and a block", token, hint="Write CIDR(@attribute, 10.0.0.0/8).")
        try:
            networks = tuple(ip_network(block, strict=False) for block in blocks)
        except ValueError as wrong:
            raise self.error(f"A block that is none: {wrong}", token) from wrong
        return Cidr(self._field(name, token), networks)


def _match(field: Field | None, token: Token) -> Node:
    pattern = token.text
    everything = bool(pattern) and not pattern.strip(ANY)
    anywhere = field is not None and field.kind is FieldKind.ANYWHERE
    if field is None or anywhere or field == Field(FieldKind.RESERVED, "message"):
        found = word_patterns(pattern)
        # Special characters cannot be searched in a message: a clause of nothing else restricts nothing.
        if not found or (found == (ANY,) and (field is None or anywhere or not everything)):
            return All()
        return Exists(field) if everything and field else Text(found, anywhere)
    if everything:
        return Exists(field)
    return Match(field, pattern if field.kind is FieldKind.ATTRIBUTE else pattern.lower())
