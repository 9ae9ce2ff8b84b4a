"""
The journal: changes that must survive, gathered into batches that are committed whole.

Confirms wait for the batch that holds their message. A message that is published and settled within one batch never
reaches the disk: the pair cancels out here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from drillyard.broker.queues.entry import Entry

Committed = Callable[[bool], None]
MessageKey = tuple[int, int]  # queue id, position


@dataclass
class Batch:
    """Changes in the order in which they are applied: topology, then deletions, new messages, delivery marks."""

    statements: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    inserted: dict[MessageKey, Entry] = field(default_factory=dict)
    deleted: list[MessageKey] = field(default_factory=list)
    delivered: dict[MessageKey, None] = field(default_factory=dict)
    callbacks: list[Committed] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """True when there is nothing to write; callbacks may still wait."""
        return not (self.statements or self.inserted or self.deleted or self.delivered)


class Journal(Protocol):
    """What queues and the virtual host need of storage. Every method returns at once."""

    def insert(self, queue_id: int, entry: Entry) -> None: ...

    def delete(self, queue_id: int, position: int) -> None: ...

    def mark_delivered(self, queue_id: int, position: int) -> None: ...

    def drop_queue(self, queue_id: int) -> None:
        """Forgets the queue and all its messages."""

    def execute(self, statement: str, values: tuple[Any, ...]) -> None:
        """A change of topology, as SQL."""

    def after_commit(self, callback: Committed) -> None:
        """Calls back with True once everything said so far is on disk, with False when it never will be."""


class Recorder:
    """The part that every journal shares: changes go into the batch that is filling."""

    def __init__(self) -> None:
        self.filling = Batch()

    def changed(self) -> None:
        """Called after every change; a journal that writes schedules its commit here."""

    def insert(self, queue_id: int, entry: Entry) -> None:
        self.filling.inserted[queue_id, entry.position] = entry
        self.changed()

    def delete(self, queue_id: int, position: int) -> None:
        key = (queue_id, position)
        self.filling.delivered.pop(key, None)
        if self.filling.inserted.pop(key, None) is None:
            self.filling.deleted.append(key)
            self.changed()

    def mark_delivered(self, queue_id: int, position: int) -> None:
        # An entry that is still in this batch carries the mark itself.
        if (queue_id, position) not in self.filling.inserted:
            self.filling.delivered[queue_id, position] = None
            self.changed()

    def drop_queue(self, queue_id: int) -> None:
        batch = self.filling
        batch.inserted = {key: entry for key, entry in batch.inserted.items() if key[0] != queue_id}
        batch.delivered = {key: None for key in batch.delivered if key[0] != queue_id}
        batch.statements.append(("DELETE FROM queues WHERE id = ?", (queue_id,)))
        batch.statements.append(("DELETE FROM messages WHERE queue_id = ?", (queue_id,)))
        self.changed()

    def execute(self, statement: str, values: tuple[Any, ...]) -> None:
        self.filling.statements.append((statement, values))
        self.changed()

    def after_commit(self, callback: Committed) -> None:
        self.filling.callbacks.append(callback)
        self.changed()


class MemoryJournal(Recorder):
    """Keeps nothing: every batch counts as committed when `commit` is called. For tests of the rooms above."""

    def commit(self, committed: bool = True) -> Batch:
        batch, self.filling = self.filling, Batch()
        for callback in batch.callbacks:
            callback(committed)
        return batch
