"""
A watch with a selector: an object that begins to match is ADDED to the watcher, one that stops is DELETED.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from drillyard.cluster.apiserver.selectors import Matches, field_selector, label_selector
from drillyard.cluster.apiserver.store import Change, ChangeType, Stored
from drillyard.cluster.client import Object


@dataclass(frozen=True)
class Selection:
    """Both selectors of a request together."""

    by_labels: Matches | None = None
    by_fields: Matches | None = None

    @classmethod
    def of(cls, labels: str, fields: str, key: str) -> Selection:
        """From both texts, for the kind stored under `key`. Raises ApiError 400."""
        return cls(
            label_selector(labels) if labels else None,
            field_selector(fields, key) if fields else None,
        )

    @property
    def everything(self) -> bool:
        """True without selectors."""
        return self.by_labels is None and self.by_fields is None

    def __call__(self, obj: Object) -> bool:
        return (self.by_labels is None or self.by_labels(obj)) and (self.by_fields is None or self.by_fields(obj))

    def sees(self, stored: Stored) -> bool:
        """The same; without selectors it need not look at the object."""
        return self.everything or self(stored.obj)


def selected_changes(change: Change, chosen: Selection) -> Iterator[tuple[ChangeType, Stored]]:
    """What a watcher with this selection sees of a change: at most one event."""
    was = change.old is not None and chosen.sees(change.old)
    if change.type == "DELETED":
        if was:
            yield "DELETED", change.new
        return
    matches = chosen.sees(change.new)
    if matches:
        yield ("MODIFIED" if was else "ADDED"), change.new
    elif was:
        yield "DELETED", change.new
