"""
PromQL's functions that change labels: `label_replace`, `label_join`, and what keeps label sets apart.
"""

from __future__ import annotations

import re

from drillyard.telemetry.prometheus.regex import compile_bounded
from drillyard.telemetry.prometheus.values import Labels, PromqlError, Sample, Vector, key_of

_REFERENCE = re.compile(r"\$(?:\$|\{(\w+)\}|(\w+))")
_BAD_NAME = re.compile(r"[^A-Za-z0-9_]|\A(?=[0-9])|\A\Z")


def check_label(name: str, function: str) -> str:
    """The name, if it can be a label's. Raises PromqlError."""
    if _BAD_NAME.search(name):
        raise PromqlError(f"{name[:80]!r} is no label name in {function}().")
    return name


def check_distinct(vector: Vector) -> Vector:
    """The vector, if no two samples have the same labels. Raises PromqlError as Prometheus does."""
    if len({key_of(sample.labels) for sample in vector}) < len(vector):
        raise PromqlError("vector cannot contain metrics with the same labelset")
    return vector


def label_replace(vector: Vector, target: str, text: str, source: str, pattern: str) -> Vector:
    """`text` with `$1` and `${name}` filled in (Go's Regexp.Expand) where the whole of `source` fits."""
    check_label(target, "label_replace")
    expression = compile_bounded(pattern)
    found = []
    for sample in vector:
        match = expression.fullmatch(sample.labels.get(source, ""))
        labels = _with(sample.labels, target, _expanded(text, match)) if match else sample.labels
        found.append(Sample(labels, sample.value))
    return found


def _expanded(text: str, match: re.Match[str]) -> str:
    """A name that the expression does not have is the empty text."""

    def fill(reference: re.Match[str]) -> str:
        name = reference[1] or reference[2]
        if name is None:
            return "$"
        try:
            return match[int(name) if name.isdigit() else name] or ""
        except (IndexError, OverflowError):
            return ""

    return _REFERENCE.sub(fill, text)


def label_join(vector: Vector, target: str, separator: str, names: list[str]) -> Vector:
    """The labels' values one after the other, in a further label."""
    check_label(target, "label_join")
    return [
        Sample(
            _with(sample.labels, target, separator.join(sample.labels.get(name, "") for name in names)), sample.value
        )
        for sample in vector
    ]


def _with(labels: Labels, name: str, text: str) -> Labels:
    changed = {key: value for key, value in labels.items() if key != name}
    return changed | {name: text} if text else changed
