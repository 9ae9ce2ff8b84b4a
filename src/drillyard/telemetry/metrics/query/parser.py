"""
Parses metric queries and formulas: sums of products of queries, functions and numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any, cast

from drillyard.telemetry.metrics.query.nodes import (
    Call,
    Expression,
    Fill,
    MetricQueryError,
    Name,
    Number,
    Operation,
    Select,
)
from drillyard.telemetry.metrics.query.scope import parse_scope

LENGTH_MAX = 8_192
NESTING_MAX = 30
AGGREGATORS = ("avg", "sum", "min", "max", "count")

_SELECT = re.compile(
    r"(?:(?P<aggregator>[a-z]\w*)\s*:\s*)?(?P<metric>[A-Za-z][\w.]*)\s*\{(?P<scope>[^{}]*)\}"
    r"(?:\s*by\s*\{(?P<by>[^{}]*)\})?"
)
_OPEN_SCOPE = re.compile(r"(?:[a-z]\w*\s*:\s*)?[A-Za-z][\w.]*\s*\{")
_UNSCOPED = re.compile(r"(?:[a-z]\w*\s*:\s*)?[A-Za-z_][\w.]*")
_MODIFIER = re.compile(r"\s*\.\s*(\w+)\s*\(([^()]*)\)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_WORD = re.compile(r"[A-Za-z_]\w*")
_ARGUMENT = re.compile(r"""\s*(?:(-?\d+(?:\.\d+)?)|'([^']*)'|"([^"]*)"|(\w+))\s*""")


def parse_query(text: str, names: Collection[str] = ()) -> Expression:
    """The tree of a query, or of a formula over named queries. Raises MetricQueryError, and nothing else."""
    if len(text) > LENGTH_MAX:
        raise MetricQueryError(f"The query is longer than {LENGTH_MAX} characters.")
    parser = _Parser(text, names)
    tree = parser.sum(0)
    parser.blank()
    if parser.at < len(text):
        raise parser.error(f"{text[parser.at : parser.at + 10]!r} where the query should end")
    return tree


class _Parser:
    def __init__(self, text: str, names: Collection[str]) -> None:
        self.text = text
        self.names = names
        self.at = 0

    def error(self, message: str) -> MetricQueryError:
        return MetricQueryError(f"{message} at column {self.at + 1}")

    def blank(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def takes(self, characters: str) -> str:
        """The next character if it is one of these."""
        self.blank()
        if self.at < len(self.text) and self.text[self.at] in characters:
            self.at += 1
            return self.text[self.at - 1]
        return ""

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def sum(self, depth: int) -> Expression:
        tree = self.product(depth)
        while operator := self.takes("+-"):
            tree = Operation(operator, tree, self.product(depth))
        return tree

    def product(self, depth: int) -> Expression:
        tree = self.atom(depth)
        while operator := self.takes("*/"):
            tree = Operation(operator, tree, self.atom(depth))
        return tree

    def atom(self, depth: int) -> Expression:
        if depth > NESTING_MAX:
            raise self.error(f"More than {NESTING_MAX} brackets inside each other")
        if self.takes("-"):
            return Operation("-", Number(0.0), self.atom(depth + 1))
        if self.takes("("):
            tree = self.sum(depth + 1)
            if not self.takes(")"):
                raise self.error("A closing bracket is missing")
            return tree
        self.blank()
        number = self.match(_NUMBER)
        if number:
            return Number(float(number[0]))
        start, selected = self.at, self.match(_SELECT)
        if selected:
            return self._select(selected, start)
        word = self.match(_WORD)
        if not word:
            raise self.error("A query is missing")
        if self.takes("("):
            return self._call(word[0], depth)
        if word[0] in self.names:
            return Name(word[0])
        self.at = start
        if opened := _OPEN_SCOPE.match(self.text, start):
            self.at = opened.end() - 1
            raise self.error("A scope that is never closed")
        if self.names:
            raise self.error(f"{word[0]!r} is no query")
        whole = _UNSCOPED.match(self.text, start) or word
        raise self.error(f"{whole[0]!r} has no scope: write {whole[0]}{{*}}, or tags between the braces")

    def _call(self, function: str, depth: int) -> Expression:
        operand = self.sum(depth + 1)
        arguments: list[float | str] = []
        while self.takes(","):
            found = self.match(_ARGUMENT)
            if not found:
                raise self.error("An argument is missing")
            arguments.append(float(found[1]) if found[1] else (found[2] or found[3] or found[4] or ""))
        if not self.takes(")"):
            raise self.error(f"The bracket of {function}( is never closed")
        return Call(function, operand, tuple(arguments))

    def _select(self, found: re.Match[str], start: int) -> Select:
        aggregator = found["aggregator"] or "avg"
        percentile = re.fullmatch(r"p(\d{2}(?:\d|\.\d)?)", aggregator)
        if aggregator not in AGGREGATORS and not percentile:
            self.at = start
            raise self.error(f"Unknown aggregator {aggregator}. Use one of {', '.join(AGGREGATORS)}, p50 to p99")
        select = Select(
            metric=found["metric"],
            scope=parse_scope(found["scope"]),
            scope_text=found["scope"].strip() or "*",
            aggregator="avg" if percentile else cast(Any, aggregator),
            percentile=float(percentile[1]) if percentile else None,
            by=tuple(part.strip().lower() for part in (found["by"] or "").split(",") if part.strip()),
        )
        while modifier := self.match(_MODIFIER):
            select = self._modified(select, modifier[1], [part.strip() for part in modifier[2].split(",")])
        return select

    def _modified(self, select: Select, name: str, arguments: list[str]) -> Select:
        match name:
            case "as_count":
                return replace(select, as_count=True)
            case "as_rate":
                return replace(select, as_rate=True)
            case "rollup":
                method, seconds = arguments[0], arguments[1] if len(arguments) > 1 else ""
                if method.isdecimal() and not seconds:
                    method, seconds = "avg", method
                if method not in AGGREGATORS:
                    raise self.error(f"Unknown rollup {method}. Use one of {', '.join(AGGREGATORS)}")
                return replace(select, rollup=cast(Any, method), rollup_s=self._seconds(seconds))
            case "fill":
                if arguments[0] not in ("null", "zero", "last", "linear"):
                    raise self.error("fill needs null, zero, last or linear")
                return replace(select, fill=Fill(arguments[0], self._seconds(arguments[1] if arguments[1:] else "")))
        raise self.error(f"Unknown modifier .{name}(). Use as_count, as_rate, rollup or fill")

    def _seconds(self, text: str) -> int | None:
        if not text:
            return None
        if not text.isdecimal() or not 0 < int(text) < 10_000_000 or not math.isfinite(int(text)):
            raise self.error(f"{text} is not a number of seconds")
        return int(text)
