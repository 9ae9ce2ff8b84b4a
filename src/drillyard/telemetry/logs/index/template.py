"""
The fixed text of a message, with slots for the words that vary.

A word varies when it holds a digit: numbers, ids, times, sizes. Each slot has a form (hexadecimal digits, digits with a
unit, …), which tells for most search words that they cannot stand there. Two messages have one template when they
differ in nothing but such words of the same forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from drillyard.telemetry.logs.query.words import ANY, ONE, WORD_LENGTH_MAX, glob, is_wild, words

LENGTH_MAX = 4_000
"""Longer messages are documents, not printed statements, and have no template."""
LONG_WORD = re.compile(rf"\w{{{WORD_LENGTH_MAX + 1}}}", re.ASCII)

TIME, OTHER = "0t0", "w"
"""
Forms of single words: hexadecimal words have the form "", `0us` is digits with these letters (at most three). Numbers
and words that belong together (dates, addresses, versions, UUIDs) are one variable, whose form has the signs between
them: `--`, `0t0:`, `----`.
"""

_UUID = r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
_WORD = r"[a-zA-Z_]*+[0-9]\w*+"
_MORE = r"(?:[-:.][0-9]++(?!\w))*+"
# Possessive, and anchored at a word's start: so a message costs its length, whatever it holds.
_VARIABLE = re.compile(rf"(\b(?:{_UUID}|{_WORD}{_MORE}))", re.ASCII)
_SINGLE_WORD = re.compile(r"\w+", re.ASCII)
_HEX = b"0123456789abcdefABCDEF"
_PARTING = b"-:."
_SIGN = re.compile("[-:.]")
_UNIT = re.compile(r"[0-9]+([a-z]{1,3})\Z", re.IGNORECASE)
_TIME = re.compile(r"[0-9]+t[0-9]+\Z", re.IGNORECASE)
_HEX_DIGITS = frozenset("0123456789abcdef")
_DIGITS = frozenset("0123456789")

Parts = tuple[tuple[str, ...], list[str], tuple[str, ...]]
"""Fixed texts, the words between them, and those words' forms."""


def split(message: str) -> Parts | None:
    """A message taken apart; None for one that is better kept whole."""
    if len(message) > LENGTH_MAX or not message.isascii() or "\0" in message or "__" in message:
        return None
    if len(message) > WORD_LENGTH_MAX and LONG_WORD.search(message):
        return None
    parts = _VARIABLE.split(message)
    variables = parts[1::2]
    rest = "\0".join(variables).encode().translate(None, _HEX)
    forms = rest.decode().split("\0") if variables else []
    if rest.translate(None, b"\0" + _PARTING):
        for place, left in enumerate(forms):
            if left and left.strip("-:."):
                forms[place] = forms_of(variables[place])
    return tuple(parts[::2]), variables, tuple(forms)


@lru_cache(maxsize=4096)
def forms_of(variable: str) -> str:
    """The forms of its words, with the signs between them."""
    return _SINGLE_WORD.sub(lambda word: form_of_word(word[0]), variable)


def form_of_word(word: str) -> str:
    """The form of one word that holds a digit."""
    if not word.encode().translate(None, _HEX):
        return ""
    if unit := _UNIT.match(word):
        return "0" + unit[1].lower()
    return TIME if _TIME.match(word) else OTHER


@lru_cache(maxsize=4096)
def can_hold(form: str, pattern: str) -> bool:
    """Whether a word of this form may fit the pattern; True when that is not certain."""
    literal = pattern.replace(ANY, "").replace(ONE, "")
    if not literal.isascii():
        return False
    if not form:
        return _HEX_DIGITS.issuperset(literal)
    if not is_wild(pattern):
        return form_of_word(pattern) == form
    return form == OTHER or _DIGITS.union(form).issuperset(literal)


@dataclass(frozen=True)
class Slot:
    """The place of one word that varies."""

    form: str


@dataclass(frozen=True)
class Template:
    """`fixed` has one text more than there are slots."""

    fixed: tuple[str, ...]
    forms: tuple[str, ...]

    @cached_property
    def _format(self) -> str:
        return "%s".join(text.replace("%", "%%") for text in self.fixed)

    def message(self, variables: Sequence[str]) -> str:
        """The message that `split` took apart."""
        return self._format % tuple(variables)

    @cached_property
    def words(self) -> tuple[str | Slot, ...]:
        """Its words in their order, those that vary as slots."""
        found: list[str | Slot] = []
        for place, text in enumerate(self.fixed):
            found += words(text)
            if place < len(self.forms):
                found += map(Slot, _SIGN.split(self.forms[place]))
        return tuple(found)

    @cached_property
    def _fixed_words(self) -> frozenset[str]:
        return frozenset(word for word in self.words if isinstance(word, str))

    @cached_property
    def _slot_forms(self) -> frozenset[str]:
        return frozenset(word.form for word in self.words if isinstance(word, Slot))

    def _has_fixed(self, pattern: str) -> bool:
        return any(map(glob(pattern).match, self._fixed_words)) if is_wild(pattern) else pattern in self._fixed_words

    def _may_vary(self, pattern: str) -> bool:
        return any(can_hold(form, pattern) for form in self._slot_forms)

    def alignments(self, patterns: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """
        The places where a phrase may stand, each with the patterns that fall on slots.

        An empty tuple means that the phrase is in every such message. Nothing at all: in none.
        """
        if len(patterns) == 1:
            if self._has_fixed(patterns[0]):
                yield ()
            if self._may_vary(patterns[0]):
                yield tuple(patterns)
            return
        if not all(self._has_fixed(pattern) or self._may_vary(pattern) for pattern in patterns):
            return
        for start in range(len(self.words) - len(patterns) + 1):
            on_slots: list[str] = []
            for pattern, word in zip(patterns, self.words[start:], strict=False):
                if isinstance(word, Slot):
                    if not can_hold(word.form, pattern):
                        break
                    on_slots.append(pattern)
                elif not (glob(pattern).match(word) if is_wild(pattern) else pattern == word):
                    break
            else:
                yield tuple(on_slots)
