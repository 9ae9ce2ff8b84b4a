"""
All pipelines in their order, kept in a file, and what they make of new logs.

They act on new logs only: a change never touches what is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

from drillyard.base.files import write_atomically
from drillyard.telemetry.kept import read_kept
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.pipelines.draft import Draft
from drillyard.telemetry.pipelines.errors import PipelineError
from drillyard.telemetry.pipelines.pipeline import Pipeline

PIPELINES_MAX = 100
UNTOUCHED = "datadog.pipelines:false"
"""The tag of a log that no pipeline fitted, as Datadog sets it."""


class PipelineBook:
    """Definitions are Datadog's JSON objects."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._definitions: dict[str, dict[str, Any]] = {}
        self._built: dict[str, Pipeline] = {}
        for definition in read_kept(path) or []:
            self._definitions[definition["id"]] = definition
            self._built[definition["id"]] = Pipeline(definition)

    def all(self) -> list[dict[str, Any]]:
        """The definitions in their order."""
        return list(self._definitions.values())

    def get(self, identity: str) -> dict[str, Any] | None:
        """One definition."""
        return self._definitions.get(identity)

    def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Puts a new pipeline behind all others. Raises PipelineError."""
        if len(self._definitions) >= PIPELINES_MAX:
            raise PipelineError(f"There are {PIPELINES_MAX} pipelines already.")
        return self._put(uuid4().hex[:22], body)

    def replace(self, identity: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Changes a pipeline in its place. Raises PipelineError; the old one then stays."""
        return self._put(identity, body)

    def _put(self, identity: str, body: Mapping[str, Any]) -> dict[str, Any]:
        definition = _whole(identity, body)
        self._built[identity] = Pipeline(definition)
        self._definitions[identity] = definition
        self._save()
        return definition

    def delete(self, identity: str) -> bool:
        """False when there is none."""
        if self._definitions.pop(identity, None) is None:
            return False
        del self._built[identity]
        self._save()
        return True

    def order(self, identities: list[str]) -> None:
        """Sorts them. Raises PipelineError unless exactly the existing ones are named."""
        if sorted(identities) != sorted(self._definitions):
            raise PipelineError("pipeline_ids must name every pipeline once.")
        self._definitions = {identity: self._definitions[identity] for identity in identities}
        self._save()

    def _save(self) -> None:
        write_atomically(self._path, orjson.dumps(self.all()))

    def process(self, records: Iterable[Record], now_ms: int) -> None:
        """Sends each record through every pipeline that fits it when its turn comes."""
        pipelines = [self._built[identity] for identity in self._definitions]
        for record in records:
            draft = Draft(record, now_ms)
            touched = [pipeline.run(draft) for pipeline in pipelines]
            if not any(touched):
                record.tags.append(UNTOUCHED)
                record.changed()


def _whole(identity: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The definition with its defaults: as in Datadog, a pipeline and its processors are switched off unless told."""
    asked = body.get("filter")
    return {
        "id": identity,
        "type": "pipeline",
        "name": body.get("name"),
        "is_enabled": bool(body.get("is_enabled")),
        "is_read_only": False,
        "filter": asked if isinstance(asked, dict) else {"query": "*"},
        "processors": [_processor(part) for part in body.get("processors") or []],
        "tags": body.get("tags") or [],
        "description": body.get("description") or "",
    }


def _processor(part: Any) -> Any:
    return {"name": "", "is_enabled": False} | part if isinstance(part, dict) else part
