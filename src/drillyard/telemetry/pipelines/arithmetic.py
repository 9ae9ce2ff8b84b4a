"""
Arithmetic over attributes: `(a.b + 2) * c`, as the arithmetic processor reads it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from drillyard.telemetry.pipelines.errors import PipelineError

LENGTH_MAX = 1_000
NESTING_MAX = 30
DECIMALS = 9

_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|(@?[A-Za-z_][\w.@]*(?:-[A-Za-z_][\w.@]*)*)|([-+*/()]))")

ValueOf = Callable[[str], float | None]


@dataclass(frozen=True)
class Arithmetic:
    """An expression; `names` are the attributes in it."""

    tree: object
    names: tuple[str, ...]

    def result(self, value_of: ValueOf) -> float | int | None:
        """Rounded to nine decimals; None when an attribute is missing or the result is no number."""
        found = _evaluate(self.tree, value_of)
        if found is None or not math.isfinite(found):
            return None
        rounded = round(found, DECIMALS)
        return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded


def parse_arithmetic(text: str) -> Arithmetic:
    """Raises PipelineError."""
    if len(text) > LENGTH_MAX:
        raise PipelineError(f"An expression of more than {LENGTH_MAX} characters.")
    tokens: list[str] = []
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if not found:
            raise PipelineError(f"The expression cannot be read at column {at + 1}: {text[:80]}")
        tokens.append(found[0].strip())
        at = found.end()
    names = tuple(token for token in tokens if token[0].isalpha() or token[0] in "@_")
    rest = list(tokens)
    tree = _sum(rest, 0)
    if rest:
        raise PipelineError(f"The expression has {rest[0]} where it should end: {text[:80]}")
    return Arithmetic(tree, names)


def _sum(rest: list[str], depth: int) -> object:
    tree = _product(rest, depth)
    while rest and rest[0] in "+-":
        tree = (rest.pop(0), tree, _product(rest, depth))
    return tree


def _product(rest: list[str], depth: int) -> object:
    tree = _atom(rest, depth)
    while rest and rest[0] in "*/":
        tree = (rest.pop(0), tree, _atom(rest, depth))
    return tree


def _atom(rest: list[str], depth: int) -> object:
    if depth > NESTING_MAX:
        raise PipelineError(f"An expression nested deeper than {NESTING_MAX} levels.")
    if not rest or rest[0] in "+*/)":
        raise PipelineError("The expression lacks a number or an attribute.")
    token = rest.pop(0)
    if token == "-":
        return ("-", 0.0, _atom(rest, depth + 1))
    if token == "(":
        tree = _sum(rest, depth + 1)
        if not rest or rest.pop(0) != ")":
            raise PipelineError("The expression has a bracket that is never closed.")
        return tree
    return float(token) if token[0].isdigit() else token


def _evaluate(tree: object, value_of: ValueOf) -> float | None:
    if isinstance(tree, float):
        return tree
    if isinstance(tree, str):
        return value_of(tree)
    assert isinstance(tree, tuple)
    operator, left_tree, right_tree = tree
    left, right = _evaluate(left_tree, value_of), _evaluate(right_tree, value_of)
    if left is None or right is None or (operator == "/" and right == 0):
        return None
    match operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    return left / right
