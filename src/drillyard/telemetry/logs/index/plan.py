"""
From a tree to what must be looked at: for each kind of lines, whether all, none or some of them match.

What the kinds leave open becomes one full-text expression. The plan never misses a record; where the index cannot say
something, the records it finds must still be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Protocol

from drillyard.telemetry.logs.index.condition import (
    ALWAYS,
    UNKNOWN,
    Condition,
    Planned,
    all_of,
    any_of,
    either,
    none_of,
)
from drillyard.telemetry.logs.index.kinds import Kind
from drillyard.telemetry.logs.index.template import Template
from drillyard.telemetry.logs.index.terms import ESCAPED, TRACE_FIELDS, id_term, index_word, kind_word, term
from drillyard.telemetry.logs.query.matcher import matches
from drillyard.telemetry.logs.query.nodes import All, And, Cidr, Exists, Field, FieldKind, Match, Node, Not, Or, Text
from drillyard.telemetry.logs.query.nodes import Range as NumberRange
from drillyard.telemetry.logs.query.words import ANY, is_wild

ALTERNATIVES_MAX = 200
"""A wildcard that fits more known values than this is left to the matcher."""
KINDS_NAMED_MAX = 300
"""Kinds that an expression names; more are told apart when their lines are read."""

FieldNode = Match | Exists | NumberRange | Cidr
Asked = Callable[[Kind], Condition | None]


class Known(Protocol):
    """What a store knows."""

    @property
    def kinds(self) -> Sequence[Kind]:
        """All kinds of which there may be lines."""

    def values(self, name: str, pattern: str) -> list[str] | None:
        """The values of tags and reserved fields (`service`, `tag env`) that fit, None when there are too many."""


@dataclass(frozen=True)
class Plan:
    """
    Kinds are bits. All lines of `whole` match; `exact` finds just the matching lines of `exact_kinds`; the lines of
    `asked_kinds` must be asked one by one, and `asked` finds at least those of them that match.

    Texts are FTS5 syntax, empty for no line, None for every line.
    """

    whole: int
    exact_kinds: int
    exact: str
    asked_kinds: int
    asked: str | None
    asked_is_named: bool
    """Whether `asked` finds lines of `asked_kinds` only."""
    every: int
    words: str | None
    """What all matching lines have in common, without their kinds, where the plan is no more than that."""

    def search(self) -> tuple[str | None, int]:
        """One text that finds every matching line, and the kinds of which what it finds matches for certain."""
        if self.asked is None or self.whole == self.every or self.whole.bit_count() > KINDS_NAMED_MAX:
            return None, self.whole
        found = [text for text in (_names(self.whole), self.exact, self.asked) if text]
        return " OR ".join(found), self.certain

    @property
    def certain(self) -> int:
        """The kinds whose lines match for certain when one of the texts finds them."""
        return self.whole | (self.exact_kinds if self.asked_is_named else 0)

    @property
    def others(self) -> str | None:
        """What finds the lines of kinds that match in part; None when only reading them all does."""
        return None if self.asked is None else " OR ".join(filter(None, (self.exact, self.asked)))

    @property
    def possible(self) -> int:
        """Kinds that have a matching line at all."""
        return self.whole | self.exact_kinds | self.asked_kinds


def plan(node: Node, known: Known) -> Plan:
    """Asks every kind."""
    every = sum(1 << kind.number for kind in known.kinds)
    planned = _Planner(known, every).plan(node)
    whole = planned.pop(ALWAYS, 0)
    exact: list[str] = []
    asked: list[str | None] = []
    exact_kinds = asked_kinds = 0
    asked_is_named = True
    for condition, kinds in planned.items():
        named = _named(condition, kinds, every)
        if named is not None and condition.exact:
            exact.append(named)
            exact_kinds |= kinds
        else:
            asked.append(named or (None if condition.negated else condition.text))
            asked_kinds |= kinds
            asked_is_named = asked_is_named and named is not None
    asked_text = None if None in asked else " OR ".join(filter(None, asked))
    only = next(iter(planned)) if len(planned) == 1 and not whole else ALWAYS
    words = None if only.negated else only.text
    return Plan(whole, exact_kinds, " OR ".join(exact), asked_kinds, asked_text, asked_is_named, every, words)


def numbers(kinds: int) -> list[int]:
    """The bits of a number."""
    return [place for place, bit in enumerate(reversed(f"{kinds:b}")) if bit == "1"]


def _named(condition: Condition, kinds: int, every: int) -> str | None:
    """Text for the condition in these kinds only; None when they are too many to be named."""
    if kinds == every and condition.text is not None and not condition.negated:
        return condition.text
    if kinds.bit_count() > KINDS_NAMED_MAX:
        return None
    if condition.text is None:
        return _names(kinds)
    return f"({_names(kinds)} {'NOT' if condition.negated else 'AND'} {condition.text})"


def _names(kinds: int) -> str:
    return f"({' OR '.join(map(kind_word, numbers(kinds)))})" if kinds else ""


class _Planner:
    """One query over all kinds."""

    def __init__(self, known: Known, every: int) -> None:
        self._known = known
        self._every = every

    def plan(self, node: Node) -> Planned:
        match node:
            case All():
                return {ALWAYS: self._every}
            case And():
                return all_of([self.plan(item) for item in node.items])
            case Or():
                return any_of([self.plan(item) for item in node.items])
            case Not():
                return none_of(self.plan(node.item), self._every)
            case Text():
                return self._ask(self._text(node))
        return self._ask(self._field(node))

    def _ask(self, asked: Asked) -> Planned:
        planned: Planned = {}
        for kind in self._known.kinds:
            condition = asked(kind)
            if condition is not None:
                planned[condition] = planned.get(condition, 0) | 1 << kind.number
        return planned

    def _text(self, node: Text) -> Asked:
        loose = _word_condition(node.words)
        answers: dict[int, Condition | None] = {}
        origins: dict[int, bool] = {}

        def message(kind: Kind) -> Condition | None:
            if kind.template is None:
                return loose
            place = id(kind.template)
            if place not in answers:
                answers[place] = _template_condition(kind.template, node.words)
            return answers[place]

        def anywhere(kind: Kind) -> Condition | None:
            if kind.origin is None:
                return UNKNOWN
            place = id(kind.origin)
            if place not in origins:
                origins[place] = matches(node, kind.origin)
            if origins[place] or matches(node, kind.constants):
                return ALWAYS
            return UNKNOWN if kind.paths is None or kind.paths else message(kind)

        return anywhere if node.anywhere else message

    def _field(self, node: FieldNode) -> Asked:
        field = node.field
        if field.kind is FieldKind.ATTRIBUTE:
            return self._attribute(node)
        if not _listed(field):
            return self._other(node)
        loose = self._alternatives(node)
        origins: dict[int, Condition | None] = {}

        def origin(kind: Kind) -> Condition | None:
            if kind.origin is None:
                return loose
            place = id(kind.origin)
            if place not in origins:
                origins[place] = ALWAYS if matches(node, kind.origin) else None
            return origins[place]

        return origin

    def _attribute(self, node: FieldNode) -> Asked:
        path = node.field.name
        there = Condition(term("@", path), exact=isinstance(node, Exists))
        value = UNKNOWN
        if isinstance(node, Match) and not is_wild(node.pattern):
            value = Condition(term("@" + path, node.pattern))
        constants: dict[int, bool] = {}

        def attribute(kind: Kind) -> Condition | None:
            place = id(kind.constants)
            if place not in constants:
                constants[place] = matches(node, kind.constants)
            if constants[place]:
                return ALWAYS
            if kind.paths is None:
                return value if value.exact else there
            if path not in kind.paths:
                return None
            return ALWAYS if isinstance(node, Exists) else value

        return attribute

    def _other(self, node: FieldNode) -> Asked:
        field = node.field
        condition = UNKNOWN
        traced = field.name in TRACE_FIELDS and field.kind is FieldKind.RESERVED
        if traced and isinstance(node, Match) and node.pattern and not is_wild(node.pattern):
            condition = Condition(id_term(field.name, node.pattern))
        return lambda _: condition

    def _alternatives(self, node: FieldNode) -> Condition | None:
        """For lines whose tags and reserved fields are indexed one by one."""
        if isinstance(node, NumberRange | Cidr):
            return UNKNOWN
        pattern = ANY if isinstance(node, Exists) else node.pattern
        name = f"tag {node.field.name}" if node.field.kind is FieldKind.TAG else node.field.name
        found = self._known.values(name, pattern) if is_wild(pattern) else [pattern]
        if found is None:
            return UNKNOWN
        return Condition(_any_word([term(name, value) for value in found])) if found else None


def _listed(field: Field) -> bool:
    return field.kind is FieldKind.TAG or field.name in ("service", "host", "source", "status", "tags")


def _word_condition(patterns: Sequence[str]) -> Condition:
    """For messages of which every word is indexed: that these are there, one after the other or not."""
    found = [text for pattern in patterns if (text := _word_text(pattern))]
    if not found:
        return UNKNOWN
    return Condition(_every_word(found), exact=len(patterns) == 1)


def _template_condition(template: Template, patterns: Sequence[str]) -> Condition | None:
    """For the messages of one template: only the words that vary are indexed."""
    places = set(template.alignments(patterns))
    if not places:
        return None
    if () in places:
        return ALWAYS
    return reduce(either, [_slot_condition(on_slots, exact=len(patterns) == 1) for on_slots in sorted(places)])


@lru_cache(maxsize=256)
def _slot_condition(on_slots: tuple[str, ...], exact: bool) -> Condition:
    found = [text for pattern in on_slots if (text := _word_text(pattern))]
    return Condition(_every_word(found), exact) if found else UNKNOWN


def _word_text(pattern: str) -> str | None:
    """FTS5 syntax for one word or the beginning of one; None for other wildcards."""
    if not is_wild(pattern):
        return f'"{index_word(pattern)}"'
    begin = pattern.removesuffix(ANY)
    if is_wild(begin) or not begin or ESCAPED.startswith(begin):
        return None
    return f'"{index_word(begin)}" *'


def _every_word(texts: Iterable[str]) -> str:
    found = sorted(set(texts))
    return found[0] if len(found) == 1 else f"({' AND '.join(found)})"


def _any_word(terms: Sequence[str]) -> str:
    return terms[0] if len(terms) == 1 else f"({' OR '.join(terms)})"
