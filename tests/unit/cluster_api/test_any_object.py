"""
Whatever a client sends, it is stored or refused: objects drawn from the schema itself, with fields left out at random.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillyard.base.clock import VirtualClock
from drillyard.cluster.apiserver import schema
from drillyard.cluster.apiserver.objects import Objects
from drillyard.cluster.apiserver.options import DeleteRequest, WriteOptions
from drillyard.cluster.apiserver.reading import listed
from drillyard.cluster.apiserver.request import ApiRequest, Form
from drillyard.cluster.apiserver.store import Store
from drillyard.cluster.client import ApiError, Object, PatchType
from drillyard.cluster.resources import RESOURCES, Resource, named

ROWS = [row for row in RESOURCES if row.stored]
NOW = datetime(2025, 11, 5, 21, 0, tzinfo=UTC)
WORDS = ["", "web", "Web!", "80", "x" * 70, "Always", "RollingUpdate", "Recreate", "ClusterIP", "NodePort", "In", "TCP",
         "2025-11-05T20:00:00Z", "64Mi", "25%", "Pod", "Resource", "cpu", "Utilization"]  # fmt: skip


def drawn(node: schema.Node, source: random.Random, depth: int = 0) -> Any:
    """A value that the schema allows, most fields left out; now and then one that it does not."""
    resolved = schema.resolve(node)
    if source.random() < 0.01:
        return source.choice([None, 3, "x", [], {}, True, [None], {"a": None}])
    if "oneOf" in resolved:
        return source.choice([*WORDS, 0, 5, -1, 80])
    match resolved.get("type"):
        case "object" if "properties" in resolved:
            needed = set(resolved.get("required", ()))
            share = 0.5 if depth < 3 else 0.25
            return {
                name: drawn(below, source, depth + 1)
                for name, below in resolved["properties"].items()
                if depth < 9 and (source.random() < share or (name in needed and source.random() < 0.8))
            }
        case "object":
            values = resolved.get("additionalProperties", {})
            return {source.choice(WORDS): drawn(values, source, depth + 1) for _ in range(source.randrange(3))}
        case "array":
            return [drawn(resolved["items"], source, depth + 1) for _ in range(source.randrange(3))]
        case "integer" | "number":
            return source.choice([-1, 0, 1, 80, 99999])
        case "boolean":
            return source.random() < 0.5
        case "string" if resolved.get("format") == "date-time" and source.random() < 0.95:
            return "2025-11-05T20:00:00Z"
        case "string":
            return source.choice(WORDS)
    return {}


POD: Object = {"containers": [{"name": "c", "image": "web:1"}]}
WORKLOAD: Object = {
    "selector": {"matchLabels": {"a": "b"}},
    "template": {"metadata": {"labels": {"a": "b"}}, "spec": POD},
}
# What a kind needs at least, so that some of what is drawn gets past validation and into tables and patches.
NEEDED: dict[str, Object] = {
    "pods": {"spec": POD},
    "deployments": {"spec": WORKLOAD},
    "replicasets": {"spec": WORKLOAD},
    "daemonsets": {"spec": WORKLOAD},
    "jobs": {"spec": {"template": {"spec": {**POD, "restartPolicy": "Never"}}}},
    "services": {"spec": {"ports": [{"port": 80}]}},
    "rolebindings": {"roleRef": {"kind": "Role", "name": "r"}, "subjects": []},
    "clusterrolebindings": {"roleRef": {"kind": "ClusterRole", "name": "r"}, "subjects": []},
}


def shaped(row: Resource, source: random.Random) -> Object:
    obj = drawn(schema.of_kind(row.group, row.version, row.kind), source)
    obj = obj if isinstance(obj, dict) else {}
    obj |= {"kind": row.kind, "apiVersion": row.api_version}
    metadata = obj["metadata"] if isinstance(obj.get("metadata"), dict) else {}
    for name in ("namespace", "resourceVersion", "uid"):
        metadata.pop(name, None)
    for name in ("involvedObject", "regarding"):
        if row.plural == "events" and isinstance(obj.setdefault(name, {}), dict):
            obj[name] |= {"namespace": "shop"}
    for part, value in NEEDED.get(row.key, {}).items():
        extra = obj.get(part) if isinstance(obj.get(part), dict) else {}
        kept = {name: item for name, item in extra.items() if source.random() < 0.1}
        obj[part] = {**kept, **value} if isinstance(value, dict) else value
    return {**obj, "metadata": {**metadata, "name": "web", "labels": {"a": "b"}, "annotations": {}}}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.plural}.{row.group}/{row.version}")
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(seed=st.integers(0, 2**32), data=st.data())
def test_any_object_is_stored_or_refused(row: Resource, seed: int, data: st.DataObject) -> None:
    source = random.Random(seed)
    objects = Objects(Store(), VirtualClock(), random.Random(1))
    objects.create(named("namespaces"), "", {"metadata": {"name": "shop"}}, WriteOptions())
    namespace = "shop" if row.namespaced else ""

    def tried(verb: Any, *args: Any) -> None:
        try:
            verb(*args)
        except ApiError as refused:
            assert 400 <= refused.status < 500
            assert refused.message

    for _ in range(3):
        tried(objects.create, row, namespace, shaped(row, source), WriteOptions("me"))
        tried(objects.update, row, namespace, "web", shaped(row, source), WriteOptions("you"))
        for kind in ("merge", "strategic"):
            change: PatchType = "merge" if kind == "merge" else "strategic"
            tried(objects.patch, row, namespace, "web", shaped(row, source), change, WriteOptions("you"))
        tried(objects.apply, row, namespace, "web", shaped(row, source), WriteOptions("she", force=True))
        if row.subresource("status"):
            tried(objects.update, row, namespace, "web", shaped(row, source), WriteOptions("it"), "status")
        forms: tuple[Form, ...] = ("json", "table", "partial")
        for form in forms:
            listed(ApiRequest("list", row, namespace or None, "", ""), objects.store, form, {}, NOW)
    tried(objects.delete, row, namespace, "web", DeleteRequest())
