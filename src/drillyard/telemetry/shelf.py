"""
What people keep here as they wrote it: dashboards, notebooks, SLOs. By id, in the order they were made, in one file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from drillyard.base.errors import DrillyardError
from drillyard.base.files import write_atomically
from drillyard.telemetry.kept import read_kept

OBJECTS_MAX = 500
BYTES_MAX = 16 * 1024 * 1024
"""Of all objects together: the file is written anew with every change."""

Json = dict[str, Any]


class ShelfError(DrillyardError):
    """An object that cannot be kept: too many, too large, or nested too deeply."""


class Shelf:
    """JSON objects by their ids. An id is never given twice."""

    def __init__(self, path: Path) -> None:
        self._path = path
        kept = read_kept(path) or {"next": 1, "objects": {}}
        self._next: int = kept["next"]
        self._objects: dict[str, Json] = kept["objects"]

    def all(self) -> list[Json]:
        """In the order in which they were made."""
        return list(self._objects.values())

    def get(self, identity: str) -> Json | None:
        """One object."""
        return self._objects.get(identity)

    def number(self) -> int:
        """A number that no object has had."""
        self._next += 1
        return self._next - 1

    def put(self, identity: str, thing: Json) -> Json:
        """Keeps it, in the place of an older one with this id. Raises ShelfError; what was there then stays."""
        objects = self._objects | {identity: thing}
        if len(objects) > OBJECTS_MAX:
            raise ShelfError(f"There are {OBJECTS_MAX} of them already.")
        self._save(objects)
        return thing

    def take(self, identity: str) -> Json | None:
        """Gives it away for good; None when there is none."""
        found = self._objects.get(identity)
        if found is not None:
            self._save({name: thing for name, thing in self._objects.items() if name != identity})
        return found

    def _save(self, objects: dict[str, Json]) -> None:
        try:
            content = orjson.dumps({"next": self._next, "objects": objects})
        except orjson.JSONEncodeError as wrong:
            raise ShelfError("It is nested too deeply to be kept.") from wrong
        if len(content) > BYTES_MAX:
            raise ShelfError(f"All of them together would be larger than {BYTES_MAX // 1024 // 1024} MB.")
        write_atomically(self._path, content)
        self._objects = objects
