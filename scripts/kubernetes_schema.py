"""
Makes src/drillyard/cluster/apiserver/data/schema.json.gz: the OpenAPI definitions of the kinds that the cluster serves.

Source: the JSON schemas in the wheel `kubernetes-validate` (Apache-2.0), which are Kubernetes' own OpenAPI definitions
with merge keys and kinds. Needed only when the served kinds or the imitated version change:

    pip install kubernetes-validate && python scripts/kubernetes_schema.py v1.36.0
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drillyard.cluster.resources import RESOURCES

TARGET = Path(__file__).parent.parent / "src/drillyard/cluster/apiserver/data/schema.json.gz"
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
EXTRA = (
    *(META + name for name in ("Status", "DeleteOptions", "WatchEvent", "APIGroup", "APIGroupList", "APIResourceList")),
    "io.k8s.api.autoscaling.v1.Scale",
    "io.k8s.api.core.v1.Binding",
    "io.k8s.api.policy.v1.Eviction",
)


def main(version: str) -> None:
    found = importlib.util.find_spec("kubernetes_validate")
    if found is None or found.origin is None:
        raise SystemExit("The wheel kubernetes-validate is not installed: pip install kubernetes-validate")
    source = Path(found.origin).parent / f"kubernetes-json-schema/{version}-local/_definitions.json"
    definitions: dict[str, Any] = json.loads(source.read_text())["$defs"]
    kept = closure(definitions, set(roots(definitions)))
    converted = {name: convert(definitions[name]) for name in sorted(kept)}
    text = json.dumps(converted, sort_keys=True, separators=(",", ":")).encode()
    TARGET.write_bytes(gzip.compress(text, 9, mtime=0))
    print(f"{len(converted)} definitions of Kubernetes {version}: {TARGET.stat().st_size} bytes")


def roots(definitions: dict[str, Any]) -> Iterator[str]:
    wanted = {(row.group, row.version, row.kind + suffix) for row in RESOURCES for suffix in ("", "List")}
    for name, definition in definitions.items():
        for gvk in definition.get("x-kubernetes-group-version-kind", ()):
            if (gvk["group"], gvk["version"], gvk["kind"]) in wanted:
                yield name
    yield from EXTRA


def closure(definitions: dict[str, Any], names: set[str]) -> set[str]:
    todo, kept = list(names), set[str]()
    while todo:
        name = todo.pop()
        if name not in kept:
            kept.add(name)
            todo.extend(references(definitions[name]))
    return kept


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value.rsplit("/", 1)[-1]
            else:
                yield from references(value)
    elif isinstance(node, list):
        for item in node:
            yield from references(item)


def convert(node: Any) -> Any:
    """JSON schema to OpenAPI v3: one type instead of [type, null], references into components."""
    if isinstance(node, list):
        return [convert(item) for item in node]
    if not isinstance(node, dict):
        return node
    converted = {key: convert(value) for key, value in node.items() if key not in ("enum", "$schema", "$id")}
    if isinstance(node.get("type"), list):
        converted["type"] = next(name for name in node["type"] if name != "null")
    if "$ref" in node:
        reference = {"$ref": "#/components/schemas/" + node["$ref"].rsplit("/", 1)[-1]}
        del converted["$ref"]
        if converted:  # Beside a reference nothing else counts, so it moves into an allOf.
            converted["allOf"] = [reference]
        else:
            converted = reference
    if isinstance(node.get("properties"), dict):  # A property may itself be called "enum" or "type".
        converted["properties"] = {name: convert(value) for name, value in node["properties"].items()}
        converted["type"] = "object"
    return converted


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "v1.36.0")
