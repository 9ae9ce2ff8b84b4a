"""
Grok rules: parsed once, then tried in their order; the first that fits the whole text gives the attributes.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from drillyard.telemetry.pipelines.errors import PipelineError
from drillyard.telemetry.pipelines.grok.filters import Filter, find_filter
from drillyard.telemetry.pipelines.grok.matchers import find_matcher

RULES_MAX = 10
SUPPORT_RULES_MAX = 50
RULE_LENGTH_MAX = 5_000
NESTING_MAX = 20
EXPANDED_MAX = 50_000

_RULE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.]*)\s+(\S.*)")
_CALL = re.compile(r"([A-Za-z_]\w*)(?:\((.*)\))?", re.DOTALL)
_ARGUMENT = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^,"']+?))\s*(?:,|\Z)""", re.DOTALL)


@dataclass
class _Compiled:
    """A rule as one regular expression; `fields` say what becomes of each of its groups."""

    expression: str = ""
    fields: list[tuple[str, str, Callable[[str], Any], Filter | None]] = field(default_factory=list)


class Grok:
    """A set of rules. Raises PipelineError when one cannot be understood."""

    def __init__(self, match_rules: str, support_rules: str = "") -> None:
        known = dict(_lines(support_rules, SUPPORT_RULES_MAX))
        own = list(_lines(match_rules, RULES_MAX))
        if not own:
            raise PipelineError("A grok parser needs a rule, as in: my_rule %{word:level} %{data:msg}")
        self._rules: list[tuple[re.Pattern[str], _Compiled]] = []
        for name, text in own:
            if name in known:
                raise PipelineError(f"Two rules are named {name}.")
            compiled = _Compiled()
            compiled.expression = _Compiler(known, compiled).expand(text, 0)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter(
                        "ignore", FutureWarning
                    )  # "Possible nested set": RE2 means it literally, too.
                    self._rules.append((re.compile(compiled.expression), compiled))
            except (re.error, RecursionError, OverflowError) as wrong:
                raise PipelineError(f"The rule {name} is no regular expression: {wrong}.") from wrong
            known[name] = text

    def parse(self, text: str) -> dict[str, Any] | None:
        """The attributes of the first rule that fits, None when none does."""
        for pattern, compiled in self._rules:
            found = pattern.fullmatch(text)
            if found:
                return _extract(found, compiled)
        return None


class _Compiler:
    """Writes `%{…}` out as groups, rules inside rules included."""

    def __init__(self, rules: dict[str, str], into: _Compiled) -> None:
        self._rules = rules
        self._into = into
        self._length = 0

    def expand(self, text: str, depth: int) -> str:
        if depth > NESTING_MAX:
            raise PipelineError(f"Grok rules nested deeper than {NESTING_MAX} levels.")
        parts, at = [], 0
        for start, end, inner in _references(text):
            parts += [text[at:start], self._reference(inner, depth)]
            at = end
        parts.append(text[at:])
        expression = "".join(parts)
        self._length += len(expression)
        if self._length > EXPANDED_MAX:
            raise PipelineError("The grok rules become too long when written out.")
        return expression

    def _reference(self, inner: str, depth: int) -> str:
        call, extract, filter_call = [*_split(inner, ":"), "", ""][:3]
        name, arguments = _read_call(call)
        if name in self._rules and not arguments:
            if extract or filter_call:
                raise PipelineError(f"The rule {name} cannot be extracted as a whole.")
            return f"(?:{self.expand(self._rules[name], depth + 1)})"
        matcher = find_matcher(name, arguments)
        if not extract and not filter_call:
            return f"(?:{matcher.expression})"
        chosen = find_filter(*_read_call(filter_call)) if filter_call else None
        group = f"g{len(self._into.fields)}"
        self._into.fields.append((group, extract, matcher.convert, chosen))
        return f"(?P<{group}>{matcher.expression})"


def _lines(rules: str, most: int) -> Iterator[tuple[str, str]]:
    lines = [line.strip() for line in rules.splitlines() if line.strip() and not line.strip().startswith("#")]
    if len(lines) > most:
        raise PipelineError(f"More than {most} grok rules.")
    for line in lines:
        found = _RULE.fullmatch(line)
        if not found or len(line) > RULE_LENGTH_MAX:
            raise PipelineError(f"A grok rule is a name, a blank and a pattern; this is none: {line[:80]}")
        yield found[1], found[2]


def _references(text: str) -> Iterator[tuple[int, int, str]]:
    """Start, end and inside of each `%{…}`; braces inside quotes do not count."""
    at = text.find("%{")
    while at >= 0:
        end, quote = at + 2, ""
        while end < len(text) and (quote or text[end] != "}"):
            if text[end] == "\\" and quote:
                end += 1
            elif text[end] in "\"'":
                quote = "" if quote == text[end] else quote or text[end]
            end += 1
        if end >= len(text):
            raise PipelineError(f"A %{{ is never closed: {text[at : at + 60]}")
        yield at, end + 1, text[at + 2 : end]
        at = text.find("%{", end)


def _split(text: str, mark: str) -> list[str]:
    """Splits at a mark outside of quotes and brackets."""
    parts, quote, depth = [""], "", 0
    escaped = False
    for char in text:
        if quote:
            quote = "" if char == quote and not escaped else quote
            escaped = char == "\\" and not escaped
        elif char in "\"'":
            quote = char
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == mark and depth == 0:
            parts.append("")
            continue
        parts[-1] += char
    return parts


def _read_call(text: str) -> tuple[str, list[str]]:
    found = _CALL.fullmatch(text.strip())
    if not found:
        raise PipelineError(f"This is no matcher and no filter: {text[:60]}")
    arguments, at, inside = [], 0, found[2] or ""
    while at < len(inside):
        argument = _ARGUMENT.match(inside, at)
        if not argument:
            raise PipelineError(f"The arguments of {found[1]} cannot be read: {inside[:60]}")
        quoted = argument[1] if argument[1] is not None else argument[2]
        arguments.append(_unescaped(quoted) if quoted is not None else argument[3])
        at = argument.end()
    return found[1], arguments


def _unescaped(text: str) -> str:
    """Only the quote and the backslash need a backslash inside quotes."""
    return re.sub(r"\\([\\\"'])", r"\1", text)


def _extract(found: re.Match[str], compiled: _Compiled) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    for group, path, convert, chosen in compiled.fields:
        text = found[group]
        if text is None:
            continue
        value = convert(text)
        if chosen and value is not None:
            value = chosen(value)
        if value is None or value == "":
            continue
        if path:
            _put(attributes, path.split("."), value)
        elif isinstance(value, dict):
            attributes |= value
    return attributes


def _put(attributes: dict[str, Any], path: list[str], value: Any) -> None:
    *steps, last = path
    for step in steps:
        inner = attributes.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        attributes = inner
    if last in attributes:  # The same name twice gives an array.
        before = attributes[last]
        attributes[last] = [*before, value] if isinstance(before, list) else [before, value]
    else:
        attributes[last] = value
