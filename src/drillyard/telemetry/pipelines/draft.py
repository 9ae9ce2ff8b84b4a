"""
A log on its way through the pipelines: the record, and which official fields a remapper has set already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drillyard.telemetry.logs.intake import lookup
from drillyard.telemetry.logs.record import Record, as_text


@dataclass
class Draft:
    """`settled` holds the official fields that a remapper has set; the first one wins."""

    record: Record
    now_ms: int
    settled: set[str] = field(default_factory=set)

    def value(self, path: str) -> Any:
        """The attribute at a dotted path; None if there is none."""
        return lookup(self.record.attributes, path.removeprefix("@"))

    def text(self, path: str) -> str:
        """A scalar attribute as text, empty if there is none."""
        value = self.value(path)
        return as_text(value) if isinstance(value, str | int | float) else ""

    def put(self, path: str, value: Any) -> None:
        """Sets an attribute at a dotted path."""
        attributes = self.record.attributes
        *steps, last = path.removeprefix("@").split(".")
        for step in steps:
            inner = attributes.get(step)
            if not isinstance(inner, dict):
                inner = attributes[step] = {}
            attributes = inner
        attributes[last] = value
        self.record.changed()

    def remove(self, path: str) -> None:
        """Takes an attribute away."""
        _remove(self.record.attributes, path.removeprefix("@"))
        self.record.changed()

    def merge(self, found: Mapping[str, Any]) -> None:
        """Adds attributes, objects within objects."""
        _merge(self.record.attributes, found)
        self.record.changed()


def _remove(attributes: dict[str, Any], path: str) -> None:
    if path in attributes:
        del attributes[path]
        return
    head, _, rest = path.partition(".")
    inner = attributes.get(head)
    if rest and isinstance(inner, dict):
        _remove(inner, rest)
        if not inner:
            del attributes[head]


def _merge(into: dict[str, Any], found: Mapping[str, Any]) -> None:
    for key, value in found.items():
        known = into.get(key)
        if isinstance(known, dict) and isinstance(value, Mapping):
            _merge(known, value)
        else:
            into[key] = value
