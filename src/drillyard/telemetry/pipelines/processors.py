"""
The processors, by their type: each definition becomes a function over a draft.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from drillyard.telemetry.logs.query import QueryError, matches, parse
from drillyard.telemetry.logs.record import as_text
from drillyard.telemetry.pipelines.arithmetic import parse_arithmetic
from drillyard.telemetry.pipelines.draft import Draft
from drillyard.telemetry.pipelines.errors import PipelineError
from drillyard.telemetry.pipelines.grok import Grok
from drillyard.telemetry.pipelines.grok.matchers import to_number
from drillyard.telemetry.pipelines.remappers import (
    Processor,
    attribute_remapper,
    field_remapper,
    trace_remapper,
)
from drillyard.telemetry.pipelines.time_limit import TooSlow, time_limit

GROK_S = 0.1
"""A grok parser that takes longer for one log is given up for that log …"""
GROK_PAUSE_S = 30.0
"""… and left out for this long, so that it cannot hold up the intake."""
MESSAGE_MAX = 10_000
"""Characters of a text that grok looks at."""
CATEGORIES_MAX = 100
TEMPLATE_MAX = 256

_PLACE = re.compile(r"%\{([^{}]+)\}")


def build_processor(definition: Mapping[str, Any]) -> Processor:
    """The function of one definition. Raises PipelineError."""
    kind = definition.get("type")
    builder = _BUILDERS.get(kind) if isinstance(kind, str) else None
    if builder is None:
        raise PipelineError(f"The processor type {str(kind)[:50]} is not available here.")
    return builder(definition)


def _grok_parser(definition: Mapping[str, Any]) -> Processor:
    rules = definition.get("grok")
    if not isinstance(rules, dict) or not isinstance(rules.get("match_rules"), str):
        raise PipelineError("A grok-parser needs grok.match_rules.")
    grok = Grok(rules["match_rules"], str(rules.get("support_rules") or ""))
    source = str(definition.get("source") or "message")
    resume_s = 0.0

    def parse_text(draft: Draft) -> None:
        nonlocal resume_s
        text = draft.record.message if source == "message" else draft.text(source)
        if not text or time.monotonic() < resume_s:
            return
        try:
            with time_limit(GROK_S):
                found = grok.parse(text[:MESSAGE_MAX])
        except TooSlow:
            resume_s = time.monotonic() + GROK_PAUSE_S
            return
        if found:
            draft.merge(found)

    return parse_text


def _category(definition: Mapping[str, Any]) -> Processor:
    target, categories = _target(definition), definition.get("categories")
    if not isinstance(categories, list) or not 0 < len(categories) <= CATEGORIES_MAX:
        raise PipelineError(f"A category-processor needs categories, at most {CATEGORIES_MAX}.")
    choices = []
    for part in categories:
        if not isinstance(part, dict) or not isinstance(part.get("name"), str):
            raise PipelineError("A category is an object with a name and a filter.")
        choices.append((part["name"], _query(part)))

    def categorise(draft: Draft) -> None:
        name = next((name for name, tree in choices if matches(tree, draft.record)), None)
        if name is not None:
            draft.put(target, name)

    return categorise


def _arithmetic(definition: Mapping[str, Any]) -> Processor:
    target, text = _target(definition), definition.get("expression")
    if not isinstance(text, str):
        raise PipelineError("An arithmetic-processor needs an expression.")
    expression, zero = parse_arithmetic(text), bool(definition.get("is_replace_missing"))

    def compute(draft: Draft) -> None:
        def value_of(name: str) -> float | None:
            number = to_number(draft.text(name))
            return float(number) if number is not None else (0.0 if zero else None)

        result = expression.result(value_of)
        if result is not None:
            draft.put(target, result)

    return compute


def _string_builder(definition: Mapping[str, Any]) -> Processor:
    target, template = _target(definition), definition.get("template")
    if not isinstance(template, str) or len(template) > TEMPLATE_MAX:
        raise PipelineError(f"A string-builder-processor needs a template of at most {TEMPLATE_MAX} characters.")
    names, empty = _PLACE.findall(template), bool(definition.get("is_replace_missing"))

    def build(draft: Draft) -> None:
        found = {name: _as_string(draft, name) for name in names}
        if not empty and any(value is None for value in found.values()):
            return
        draft.put(target, _PLACE.sub(lambda place: found[place[1]] or "", template))

    return build


def _as_string(draft: Draft, name: str) -> str | None:
    official = {"message": draft.record.message, "service": draft.record.service, "host": draft.record.host}
    value = draft.value(name)
    if value is None:
        return official.get(name) or None
    if isinstance(value, list):
        return ",".join(as_text(item) for item in value if isinstance(item, str | int | float))
    return as_text(value) if isinstance(value, str | int | float) else None


def _target(definition: Mapping[str, Any]) -> str:
    target = definition.get("target")
    if not isinstance(target, str) or not target.strip("@."):
        raise PipelineError(f"A {definition.get('type')} needs a target.")
    return target


def _query(part: Mapping[str, Any]) -> Any:
    asked = part.get("filter")
    query = asked.get("query") if isinstance(asked, dict) else None
    if not isinstance(query, str):
        raise PipelineError("A filter is an object with a query.")
    try:
        return parse(query)
    except QueryError as wrong:
        raise PipelineError(f"The filter {query[:80]!r} cannot be understood: {wrong.message}.") from wrong


_BUILDERS: dict[str, Callable[[Mapping[str, Any]], Processor]] = {
    "grok-parser": _grok_parser,
    "status-remapper": field_remapper,
    "service-remapper": field_remapper,
    "message-remapper": field_remapper,
    "date-remapper": field_remapper,
    "trace-id-remapper": trace_remapper,
    "span-id-remapper": trace_remapper,
    "attribute-remapper": attribute_remapper,
    "category-processor": _category,
    "arithmetic-processor": _arithmetic,
    "string-builder-processor": _string_builder,
}
