"""
What the lines of one kind must fulfil to match a query, and the logic of such conditions.

A condition is a full-text expression. It is exact, or only necessary: then each line that fulfils it must still be
asked. `Planned` says for every kind that can match at all under which condition; kinds are bits of a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """`text` is FTS5 syntax, None for every line; `negated` means the lines that the text does not find."""

    text: str | None = None
    exact: bool = True
    negated: bool = False


ALWAYS = Condition()
UNKNOWN = Condition(exact=False)
"""Only reading the line can tell."""

Planned = dict[Condition, int]


def both(left: Condition, right: Condition) -> Condition:
    """Fulfilled where both are."""
    exact = left.exact and right.exact
    if left.text is None or right.text is None:
        other = left if right.text is None else right
        return Condition(other.text, exact, other.negated)
    match left.negated, right.negated:
        case False, False:
            return Condition(f"({left.text} AND {right.text})", exact)
        case False, True:
            return Condition(f"({left.text} NOT {right.text})", exact)
        case True, False:
            return Condition(f"({right.text} NOT {left.text})", exact)
    return Condition(f"({left.text} OR {right.text})", exact, negated=True)


def either(left: Condition, right: Condition) -> Condition:
    """Fulfilled where at least one is."""
    if ALWAYS in (left, right):
        return ALWAYS
    exact = left.exact and right.exact
    if left.text is None or right.text is None:
        return UNKNOWN
    match left.negated, right.negated:
        case False, False:
            return Condition(f"({left.text} OR {right.text})", exact)
        case False, True:
            return Condition(f"({right.text} NOT {left.text})", exact, negated=True)
        case True, False:
            return Condition(f"({left.text} NOT {right.text})", exact, negated=True)
    return Condition(f"({left.text} AND {right.text})", exact, negated=True)


def opposite(condition: Condition) -> Condition | None:
    """Fulfilled where the other is not; None for nowhere."""
    if not condition.exact:
        return UNKNOWN
    return None if condition.text is None else Condition(condition.text, True, not condition.negated)


def all_of(parts: Iterable[Planned]) -> Planned:
    """The kinds that can fulfil every part."""
    first, *others = parts
    for other in others:
        first = _merge(((a, b, mask & more) for a, mask in first.items() for b, more in other.items()), both)
    return first


def any_of(parts: Iterable[Planned]) -> Planned:
    """The kinds that can fulfil any part."""
    first, *others = parts
    for other in others:
        here, there = _whole(first), _whole(other)
        merged = _merge(((a, b, mask & more) for a, mask in first.items() for b, more in other.items()), either)
        for side, rest in ((first, ~there), (other, ~here)):
            for condition, mask in side.items():
                _put(merged, condition, mask & rest)
        first = merged
    return first


def none_of(part: Planned, every: int) -> Planned:
    """All kinds but those that fulfil the part for certain."""
    turned: Planned = {}
    _put(turned, ALWAYS, every & ~_whole(part))
    for condition, mask in part.items():
        other = opposite(condition)
        if other is not None:
            _put(turned, other, mask)
    return turned


def _merge(
    pairs: Iterable[tuple[Condition, Condition, int]], join: Callable[[Condition, Condition], Condition]
) -> Planned:
    merged: Planned = {}
    for left, right, mask in pairs:
        if mask:
            _put(merged, join(left, right), mask)
    return merged


def _put(planned: Planned, condition: Condition, mask: int) -> None:
    if mask:
        planned[condition] = planned.get(condition, 0) | mask


def _whole(planned: Planned) -> int:
    mask = 0
    for more in planned.values():
        mask |= more
    return mask
