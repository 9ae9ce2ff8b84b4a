"""
What all OTLP messages share: key-value lists, numbers that JSON writes as text, and the resource that sent them.

Source: opentelemetry-proto `common.proto` and `resource.proto` in their JSON mapping. Resource attributes become tags
as Datadog's agent maps them (`deployment.environment` is `env`, `k8s.pod.name` is `pod_name`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from drillyard.telemetry.logs.intake import IntakeError, normal_tags
from drillyard.telemetry.logs.record import as_text

ITEMS_MAX = 20_000
DEPTH_MAX = 20
TIME_MAX_NS = (1 << 42) * 1_000_000

_TAGS = {
    "deployment.environment": "env",
    "deployment.environment.name": "env",
    "service.version": "version",
    "k8s.namespace.name": "kube_namespace",
    "k8s.deployment.name": "kube_deployment",
    "k8s.pod.name": "pod_name",
    "k8s.container.name": "kube_container_name",
    "k8s.node.name": "kube_node",
    "k8s.cluster.name": "kube_cluster_name",
    "container.id": "container_id",
}


Item = TypeVar("Item")


@dataclass
class Taken(Generic[Item]):
    """What was read of a request, and how much of it could not be: OTLP's partial success."""

    found: list[Item] = field(default_factory=list)
    rejected: int = 0
    why: str = ""
    """What was wrong with the first of them."""

    def reject(self, wrong: IntakeError, count: int = 1) -> None:
        """Leaves out this many."""
        self.rejected += count
        self.why = self.why or str(wrong)

    def kept(self) -> list[Item]:
        """What can be stored. Raises IntakeError where nothing can: then the request itself is wrong."""
        if self.rejected and not self.found:
            raise IntakeError(self.why)
        return self.found


@dataclass(frozen=True)
class Resource:
    """Who sent it."""

    service: str
    host: str
    tags: tuple[str, ...]


def items(body: Mapping[str, Any], *path: str) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Each innermost object with its resource; `path` names the nested arrays. Raises IntakeError."""
    count = 0
    for outer in objects(body, path[0]):
        resource = _resource(outer)
        for scope in objects(outer, path[1]):
            for item in objects(scope, path[2]):
                count += 1
                if count > ITEMS_MAX:
                    raise IntakeError(f"More than {ITEMS_MAX} {path[2]} in one request.", 413)
                yield resource, item


def _resource(outer: Mapping[str, Any]) -> Resource:
    found = outer.get("resource") or {}
    if not isinstance(found, dict):
        raise IntakeError("resource must be an object.")
    given = attributes(found)
    tags = [f"{_TAGS[name]}:{value}" for name, value in given.items() if name in _TAGS]
    service, host = given.get("service.name", "unknown_service"), given.get("host.name", "")
    return Resource(_short(service), _short(host), tuple(normal_tags(tags)))


def _short(value: Any) -> str:
    return as_text(value)[:200] if isinstance(value, str | int | float) else ""


def objects(parts: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """An array of objects, empty when absent. Raises IntakeError."""
    found = parts.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise IntakeError(f"{name} must be an array of objects.")
    return found


def attributes(parts: Mapping[str, Any]) -> dict[str, Any]:
    """`attributes` as an object of plain values. Raises IntakeError."""
    return _pairs(parts, "attributes", 0)


def _pairs(parts: Mapping[str, Any], name: str, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for pair in objects(parts, name):
        value = pair.get("value")
        text = value.get("stringValue") if type(value) is dict else None  # Nearly always: spares a call for each.
        found[str(pair.get("key"))] = text if type(text) is str else plain(value, depth)
    return found


def plain(value: Any, depth: int = 0) -> Any:
    """An AnyValue as text, number, boolean, array or object; None when it is empty. Raises IntakeError."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise IntakeError("A value must be an object such as {stringValue: …}.")
    if depth > DEPTH_MAX:
        raise IntakeError(f"A value is nested deeper than {DEPTH_MAX} levels.")
    for kind, found in value.items():
        match kind:
            case "stringValue" | "bytesValue" | "boolValue":
                return found if isinstance(found, str | bool) else as_text(found)
            case "intValue":
                return whole(found, kind)
            case "doubleValue":
                return real(found, kind)
            case "arrayValue":
                return [plain(item, depth + 1) for item in objects(_object(found), "values")]
            case "kvlistValue":
                return _pairs(_object(found), "values", depth + 1)
    return None


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise IntakeError("arrayValue and kvlistValue must be objects.")
    return value


def whole(value: Any, name: str) -> int:
    """A 64-bit number, as a number or as text. Raises IntakeError."""
    try:
        number = int(value) if isinstance(value, int | str) and len(str(value)) <= 20 else None
    except ValueError:
        number = None
    if number is None or not -(1 << 63) <= number < 1 << 64:
        raise IntakeError(f"{name} must be a whole number.")
    return number


def real(value: Any, name: str) -> float:
    """A finite number. Raises IntakeError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise IntakeError(f"{name} must be a finite number.")
    return float(value)


def time_ns(parts: Mapping[str, Any], name: str, default: int = 0) -> int:
    """Unix nanoseconds, `default` when absent or 0. Raises IntakeError."""
    found = whole(parts.get(name) or 0, name)
    if not 0 <= found < TIME_MAX_NS:
        raise IntakeError(f"{name} must be nanoseconds since 1970.")
    return found or default
