"""
Remappers: an attribute becomes an official field, or another attribute or tag.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from drillyard.telemetry.logs.intake import normal_tags, read_date
from drillyard.telemetry.logs.record import as_text
from drillyard.telemetry.logs.status import normal_status
from drillyard.telemetry.pipelines.draft import Draft
from drillyard.telemetry.pipelines.errors import PipelineError
from drillyard.telemetry.pipelines.grok.matchers import to_number

Processor = Callable[[Draft], None]

SOURCES_MAX = 20


def sources_of(definition: Mapping[str, Any], default: list[str] | None = None) -> list[str]:
    """The attributes that a processor reads. Raises PipelineError."""
    found = definition.get("sources", default)
    if not isinstance(found, list) or not found or not all(isinstance(item, str) and item for item in found):
        raise PipelineError(f"A {definition.get('type')} needs sources, an array of attribute names.")
    if len(found) > SOURCES_MAX:
        raise PipelineError(f"A {definition.get('type')} takes at most {SOURCES_MAX} sources.")
    return found


def field_remapper(definition: Mapping[str, Any]) -> Processor:
    """status, service, message or date: the first remapper of all pipelines that finds a source sets the field."""
    field = str(definition["type"]).removesuffix("-remapper")
    sources = sources_of(definition, ["msg"] if field == "message" else None)

    def remap(draft: Draft) -> None:
        text = next((found for source in sources if (found := draft.text(source))), "")
        if not text or field in draft.settled:
            return
        record = draft.record
        match field:
            case "status":
                record.status = normal_status(text)
            case "service":
                record.service = text
            case "message":
                record.message = text
            case _:
                moment = read_date(text, draft.now_ms)
                if moment is None:
                    return
                record.timestamp_ms = moment
        draft.settled.add(field)

    return remap


def trace_remapper(definition: Mapping[str, Any]) -> Processor:
    """Trace or span id: kept beside the log, where `trace_id:` finds it, and taken out of the attributes."""
    field = "trace_id" if definition["type"] == "trace-id-remapper" else "span_id"
    sources = sources_of(definition, [f"dd.{field}"])

    def remap(draft: Draft) -> None:
        for source in sources:
            text = draft.text(source)
            if text and field not in draft.settled:
                draft.record.hidden[field] = text
                draft.settled.add(field)
                draft.remove(source)

    return remap


def attribute_remapper(definition: Mapping[str, Any]) -> Processor:
    """One attribute or tag becomes another. Raises PipelineError."""
    sources, target = sources_of(definition), definition.get("target")
    kinds = [definition.get(name) or "attribute" for name in ("source_type", "target_type")]
    if not isinstance(target, str) or not target:
        raise PipelineError("An attribute-remapper needs a target.")
    if any(kind not in ("attribute", "tag") for kind in kinds):
        raise PipelineError("source_type and target_type are attribute or tag.")
    cast = definition.get("target_format") or "auto"
    if cast not in ("auto", "string", "integer", "double"):
        raise PipelineError("target_format is auto, string, integer or double.")
    keep, override = bool(definition.get("preserve_source")), bool(definition.get("override_on_conflict"))

    def remap(draft: Draft) -> None:
        for source in sources:
            value = _read(draft, kinds[0], source)
            if value is None:
                continue
            if not _write(draft, kinds[1], target, _cast(value, cast), override):
                return
            if not keep and kinds[0] == "attribute" and (kinds[1] == "tag" or source != target):
                draft.remove(source)
            return

    return remap


def _read(draft: Draft, kind: str, source: str) -> Any:
    if kind == "attribute":
        return draft.value(source)
    return next(iter(draft.record.tag_values.get(source.lower(), [])), None)


def _write(draft: Draft, kind: str, target: str, value: Any, override: bool) -> bool:
    """False when the target is there already and may not be replaced."""
    record = draft.record
    if kind == "tag":
        present = target.lower() in record.tag_values
        if present and not override:
            return False
        record.tags = [tag for tag in record.tags if not tag.startswith(f"{target.lower()}:")]
        record.tags += normal_tags([f"{target}:{as_text(value) if isinstance(value, str | int | float) else value}"])
        record.changed()
        return True
    if draft.value(target) is not None and not override:
        return False
    draft.put(target, value)
    return True


def _cast(value: Any, cast: str) -> Any:
    if cast == "string":
        return as_text(value) if isinstance(value, str | int | float) else value
    if cast in ("integer", "double"):
        number = to_number(as_text(value)) if isinstance(value, str | int | float) else None
        if number is not None:
            return int(number) if cast == "integer" else float(number)
    return value
