"""
A watch with a selector: an object that begins to match is ADDED to the watcher, one that stops is DELETED.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from drillyard.cluster.apiserver.selectors import Matches
from drillyard.cluster.apiserver.store import Change, ChangeType, Stored
from drillyard.cluster.client import Object


@dataclass(frozen=True)
class Selection:
    """Both selectors of a request together."""

    by_labels: Matches
    by_fields: Matches

    def __call__(self, obj: Object) -> bool:
        return self.by_labels(obj) and self.by_fields(obj)


def selected_changes(change: Change, chosen: Selection) -> Iterator[tuple[ChangeType, Stored]]:
    """What a watcher with this selection sees of a change: at most one event."""
    was = change.old is not None and chosen(change.old.obj)
    if change.type == "DELETED":
        if was:
            yield "DELETED", change.new
        return
    matches = chosen(change.new.obj)
    if matches:
        yield ("MODIFIED" if was else "ADDED"), change.new
    elif was:
        yield "DELETED", change.new
