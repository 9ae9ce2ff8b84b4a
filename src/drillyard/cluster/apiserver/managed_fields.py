"""
Who owns which field: `metadata.managedFields`, kept for every write, so that server-side apply can tell a conflict.

Rules: https://kubernetes.io/docs/reference/using-api/server-side-apply/. A write takes the fields it changes; an apply
owns what it names.
"""

from __future__ import annotations

from dataclasses import dataclass

from drillyard.cluster.apiserver.field_paths import Paths, difference, from_fields, to_fields
from drillyard.cluster.apiserver.schema import Node
from drillyard.cluster.client import Object


@dataclass
class Entry:
    """One manager's fields. Managers are told apart by name, operation, version and subresource."""

    manager: str
    operation: str
    api_version: str
    subresource: str
    time: str
    paths: Paths

    def is_of(self, manager: str, operation: str, subresource: str) -> bool:
        return (self.manager, self.operation, self.subresource) == (manager, operation, subresource)

    @property
    def shown(self) -> str:
        """As conflict messages name a manager."""
        text = f'"{self.manager}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.api_version} at {self.time}" if self.operation == "Update" else text


def entries_of(obj: Object) -> list[Entry]:
    """The entries of a stored object."""
    return [
        Entry(
            item["manager"],
            item["operation"],
            item["apiVersion"],
            item.get("subresource", ""),
            item.get("time", ""),
            from_fields(item.get("fieldsV1", {})),
        )
        for item in obj["metadata"].get("managedFields") or ()
    ]


def write_entries(obj: Object, entries: list[Entry]) -> None:
    """Replaces the entries of an object; one without fields is dropped."""
    written = [
        {
            "manager": entry.manager,
            "operation": entry.operation,
            "apiVersion": entry.api_version,
            "time": entry.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": to_fields(entry.paths),
            **({"subresource": entry.subresource} if entry.subresource else {}),
        }
        for entry in entries
        if entry.paths
    ]
    obj["metadata"].pop("managedFields", None)
    if written:
        obj["metadata"]["managedFields"] = written


def track_update(old: Object, new: Object, node: Node, writer: Entry) -> None:
    """Gives the fields that an update or patch changed to its writer. `writer.paths` is filled in."""
    entries = entries_of(old)
    change = difference(old, new, node)
    if not (change.written or change.removed):
        return
    own = next((item for item in entries if item.is_of(writer.manager, "Update", writer.subresource)), None)
    for entry in entries:
        if entry is not own:
            entry.paths -= change.modified | change.removed
    if own is None:
        own = writer
        entries.append(own)
    own.paths = (own.paths - change.removed) | change.written
    own.time, own.api_version = writer.time, writer.api_version
    write_entries(new, entries)
