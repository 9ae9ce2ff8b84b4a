"""
One pipeline: a filter, and processors (or pipelines inside it) for the logs that fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drillyard.telemetry.logs.query import QueryError, matches, parse
from drillyard.telemetry.pipelines.draft import Draft
from drillyard.telemetry.pipelines.errors import PipelineError
from drillyard.telemetry.pipelines.processors import build_processor
from drillyard.telemetry.pipelines.remappers import Processor

PROCESSORS_MAX = 50


class Pipeline:
    """Built from Datadog's definition. Raises PipelineError."""

    def __init__(self, definition: Mapping[str, Any], *, inner: bool = False) -> None:
        if not isinstance(definition.get("name"), str) or not definition["name"]:
            raise PipelineError("A pipeline needs a name.")
        asked = definition.get("filter")
        query = asked.get("query", "*") if isinstance(asked, dict) else "*"
        try:
            self._filter = parse(query if isinstance(query, str) else "")
        except QueryError as wrong:
            raise PipelineError(f"The filter cannot be understood: {wrong.message}.") from wrong
        self.enabled = bool(definition.get("is_enabled"))
        processors = definition.get("processors") or []
        if not isinstance(processors, list) or len(processors) > PROCESSORS_MAX:
            raise PipelineError(f"processors is an array of at most {PROCESSORS_MAX}.")
        self._processors = [_part(part, inner) for part in processors]

    def run(self, draft: Draft) -> bool:
        """Works on the draft; False when it does not fit, and nothing was done."""
        if not self.enabled or not matches(self._filter, draft.record):
            return False
        for process in self._processors:
            process(draft)
        return True


def _part(definition: Any, inner: bool) -> Processor:
    if not isinstance(definition, dict):
        raise PipelineError("A processor is an object.")
    if definition.get("type") != "pipeline":
        built = build_processor(definition)
        return built if definition.get("is_enabled") else _nothing
    if inner:
        raise PipelineError("A pipeline inside a pipeline holds processors only.")
    nested = Pipeline(definition, inner=True)

    def run(draft: Draft) -> None:
        nested.run(draft)

    return run


def _nothing(_: Draft) -> None:
    """A processor that is switched off."""
