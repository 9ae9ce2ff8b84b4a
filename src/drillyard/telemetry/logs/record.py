"""
One log line (or event) as it is kept: what the search looks at, and nothing of how it is stored.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

Attributes = dict[str, Any]
"""JSON values: objects, arrays, strings, numbers, booleans, null."""

DEPTH_MAX = 20
"""Deeper objects are kept but not searched (Datadog stops at 20 levels, too)."""
VALUES_MAX = 1_000
"""Further values of one record are kept but not searched (Datadog advises at most 256 attributes)."""


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
        return flattened(self.attributes)

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


def flattened(attributes: Attributes) -> dict[str, list[str]]:
    """Dotted paths with their scalars as text; objects are there, too, without values. Bounded by DEPTH and VALUES."""
    found: dict[str, list[str]] = {}
    left = VALUES_MAX
    stack: list[tuple[str, Any, int]] = [(name, value, 1) for name, value in reversed(attributes.items())]
    while stack and left:
        path, value, depth = stack.pop()
        if type(value) is str:
            found.setdefault(path, []).append(value)
        elif isinstance(value, dict):
            if path:
                found.setdefault(path, [])
            if depth < DEPTH_MAX:
                inner = ((f"{path}.{key}" if path else key, item, depth + 1) for key, item in value.items())
                stack.extend(reversed(list(islice(inner, left))))
        elif isinstance(value, list):
            if depth < DEPTH_MAX:
                stack.extend((path, item, depth + 1) for item in reversed(value[:left]))
        elif value is not None:
            found.setdefault(path, []).append(as_text(value))
        left -= 1
    return found
