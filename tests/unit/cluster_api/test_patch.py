"""
Patches: strategic merge by the schema, merge and JSON patch by their RFCs.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.cluster.apiserver import schema
from drillyard.cluster.apiserver.decoding import copy_of
from drillyard.cluster.apiserver.patch import json_patch, merge, strategic_merge
from drillyard.cluster.client import ApiError, Object

DEPLOYMENT = schema.of_kind("apps", "v1", "Deployment")


def with_pod(spec: Object) -> Object:
    return {"spec": {"template": {"spec": spec}}}


def patched(current: Object, patch: Object) -> Any:
    before = copy_of(current)
    result = strategic_merge(with_pod(current), with_pod(patch), DEPLOYMENT)["spec"]["template"]["spec"]
    assert current == before, "a patch must not change its input"
    return result


WEB: Object = {
    "containers": [
        {
            "name": "web",
            "image": "web:1",
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            "args": ["x"],
        },
        {"name": "side", "image": "side:1"},
    ],
    "volumes": [{"name": "v", "emptyDir": {}}],
}


def containers(*items: Object) -> Object:
    return {"containers": list(items)}


def test_named_lists_merge_by_their_key_and_plain_ones_are_replaced() -> None:
    change = containers(
        {"name": "web", "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}], "args": ["y"]}
    )
    web = patched(WEB, change)["containers"][0]
    assert [(item["name"], item["value"]) for item in web["env"]] == [("A", "1"), ("B", "3"), ("C", "4")]
    assert web["args"] == ["y"] and web["image"] == "web:1"


def test_directives_delete_replace_and_retain() -> None:
    gone = patched(WEB, containers({"name": "side", "$patch": "delete"}))
    assert [item["name"] for item in gone["containers"]] == ["web"]
    replaced = patched(WEB, containers({"name": "new", "image": "n:1"}, {"$patch": "replace"}))
    assert replaced["containers"] == [{"name": "new", "image": "n:1"}]
    volume = {"name": "v", "configMap": {"name": "c"}, "$retainKeys": ["name", "configMap"]}
    assert patched(WEB, {"volumes": [volume]})["volumes"] == [{"name": "v", "configMap": {"name": "c"}}]
    assert "volumes" not in patched(WEB, {"volumes": None})


def test_an_element_order_moves_what_the_client_knows() -> None:
    order: Object = {
        "$setElementOrder/containers": [{"name": "side"}, {"name": "web"}],
        "containers": [{"name": "side", "image": "side:2"}],
    }
    result = patched(WEB, order)
    assert [(item["name"], item["image"]) for item in result["containers"]] == [("side", "side:2"), ("web", "web:1")]


def test_finalizers_are_a_set() -> None:
    current: Object = {"metadata": {"finalizers": ["a", "b"]}}
    more = strategic_merge(current, {"metadata": {"finalizers": ["b", "c"]}}, DEPLOYMENT)
    assert more["metadata"]["finalizers"] == ["a", "b", "c"]
    less = strategic_merge(current, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}, DEPLOYMENT)
    assert less["metadata"]["finalizers"] == ["b"]


def test_nonsense_directives_are_bad_requests() -> None:
    for nonsense in ({"$patch": "explode"}, containers({"image": "without a name"})):
        with pytest.raises(ApiError) as refused:
            patched(WEB, nonsense)
        assert refused.value.status == 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
json_objects = st.dictionaries(st.sampled_from("abc"), json_values, max_size=3)


@pytest.mark.parametrize("directive", ["$retainKeys", "$setElementOrder/args", "$deleteFromPrimitiveList/args"])
def test_a_directive_that_takes_a_list_is_given_one(directive: str) -> None:
    with pytest.raises(ApiError, match="takes a list") as refused:
        patched(WEB, {directive: 1})
    assert refused.value.status == 400


@given(json_objects, json_objects)
def test_a_merge_patch_twice_is_the_same_as_once(current: Object, patch: Object) -> None:
    once = merge(current, patch)
    assert merge(once, patch) == once


@pytest.mark.parametrize(
    ("operations", "code"),
    [
        ([{"op": "test", "path": "/spec/replicas", "value": 9}], 422),
        ([{"op": "remove", "path": "/nope"}], 422),
        ([{"op": "explode", "path": "/spec"}], 400),
        ([{"op": "replace"}], 400),
        ({"op": "replace"}, 400),
        ([{"op": "replace", "path": "", "value": 3}], 400),
    ],
)
def test_json_patches_that_do_not_fit(operations: Any, code: int) -> None:
    with pytest.raises(ApiError) as refused:
        json_patch({"spec": {"replicas": 1}}, operations)
    assert refused.value.status == code


def test_a_json_patch_leaves_its_input_alone() -> None:
    current: Object = {"spec": {"replicas": 1}}
    changed = json_patch(current, [{"op": "replace", "path": "/spec/replicas", "value": 2}])
    assert (current, changed) == ({"spec": {"replicas": 1}}, {"spec": {"replicas": 2}})
