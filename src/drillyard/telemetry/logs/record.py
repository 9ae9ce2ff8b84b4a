"""
One log line (or event) as it is kept: what the search looks at, and nothing of how it is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

Attributes = dict[str, Any]
"""JSON values: objects, arrays, strings, numbers, booleans, null."""

DEPTH_MAX = 20
"""Deeper objects are kept but not searched (Datadog stops at 20 levels, too)."""


@dataclass
class Record:
    """
    `timestamp_ms` is Unix time in milliseconds, `tags` are `key:value` or bare words in lower case.

    `hidden` is kept but neither searched nor shown as attributes: trace and span ids, an event's own form.
    `key` is the place in the store, 0 until stored.
    """

    timestamp_ms: int
    message: str
    service: str = ""
    host: str = ""
    source: str = ""
    status: str = "info"
    tags: list[str] = field(default_factory=list)
    attributes: Attributes = field(default_factory=dict)
    hidden: Attributes = field(default_factory=dict)
    key: int = 0

    @cached_property
    def flat(self) -> dict[str, list[str]]:
        """Each attribute's dotted path and its values as text; objects are there too, without values."""
        found: dict[str, list[str]] = {}
        for path, text in flatten(self.attributes):
            values = found.setdefault(path, [])
            if text is not None:
                values.append(text)
        return found

    @cached_property
    def tag_values(self) -> dict[str, list[str]]:
        """The values of each tag key; tags without a value stand under `tags`."""
        found: dict[str, list[str]] = {}
        for tag in self.tags:
            key, colon, value = tag.partition(":")
            found.setdefault(key if colon else "tags", []).append(value if colon else tag)
        return found

    def changed(self) -> None:
        """Must be called after a change of tags or attributes: `flat` and `tag_values` are kept otherwise."""
        self.__dict__.pop("flat", None)
        self.__dict__.pop("tag_values", None)


def as_text(value: str | int | float | bool) -> str:
    """A scalar as a query writes it: `true`, `500`, `16.364`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def flatten(attributes: Attributes) -> Iterator[tuple[str, str | None]]:
    """Dotted paths with their scalars as text, None for an object; arrays add one entry an element."""
    stack: list[tuple[str, Any, int]] = [("", attributes, 0)]
    while stack:
        path, value, depth = stack.pop()
        if isinstance(value, dict):
            if path:
                yield path, None
            if depth < DEPTH_MAX:
                stack.extend((f"{path}.{key}" if path else key, item, depth + 1) for key, item in value.items())
        elif isinstance(value, list):
            if depth < DEPTH_MAX:
                stack.extend((path, item, depth + 1) for item in value)
        elif value is not None:
            yield path, as_text(value)
