"""
Server-side apply and the ownership of fields.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.cluster.apiserver import schema
from drillyard.cluster.apiserver.field_paths import applied_paths, difference, from_fields, shown, to_fields
from drillyard.cluster.apiserver.objects import Objects
from drillyard.cluster.apiserver.options import WriteOptions
from drillyard.cluster.client import ApiError, Object
from drillyard.cluster.resources import named

CONFIG = named("configmaps")
DEPLOYMENT = named("deployments")


@pytest.fixture
def shop(objects: Objects) -> Objects:
    objects.create(named("namespaces"), "", {"metadata": {"name": "shop"}}, WriteOptions())
    return objects


def config(**data: str) -> Object:
    return {"metadata": {"name": "c"}, "data": data}


def apply(objects: Objects, manager: str, obj: Object, *, force: bool = False) -> Object:
    return objects.apply(CONFIG, "shop", "c", obj, WriteOptions(manager, force=force))[0]


def test_what_an_apply_no_longer_names_is_removed(shop: Objects) -> None:
    apply(shop, "me", config(a="1", b="2"))
    assert apply(shop, "me", config(a="1"))["data"] == {"a": "1"}


@pytest.mark.parametrize("metadata", [7, "x", [], {"managedFields": []}])
def test_what_is_no_object_is_not_applied(shop: Objects, metadata: object) -> None:
    with pytest.raises(ApiError) as refused:
        apply(shop, "me", {"metadata": metadata})
    assert refused.value.status == 400


def test_what_somebody_else_owns_too_stays(shop: Objects) -> None:
    apply(shop, "me", config(a="1", b="2"))
    apply(shop, "you", config(b="2"))
    assert apply(shop, "me", config(a="1"))["data"] == {"a": "1", "b": "2"}
    assert apply(shop, "you", config())["data"] == {"a": "1"}


def test_a_conflict_names_its_owner_and_force_takes_over(shop: Objects) -> None:
    apply(shop, "me", config(a="1"))
    with pytest.raises(ApiError) as refused:
        apply(shop, "you", config(a="2"))
    assert (refused.value.status, refused.value.reason) == (409, "Conflict")
    assert refused.value.message == 'Apply failed with 1 conflict: conflict with "me": .data.a'
    forced = apply(shop, "you", config(a="2"), force=True)
    assert forced["data"] == {"a": "2"}
    assert [entry["manager"] for entry in forced["metadata"]["managedFields"]] == ["you"]


def test_a_plain_write_takes_the_fields_it_changes(shop: Objects) -> None:
    apply(shop, "me", config(a="1", b="1"))
    shop.patch(CONFIG, "shop", "c", {"data": {"a": "2"}}, "merge", WriteOptions("editor"))
    with pytest.raises(ApiError) as refused:
        apply(shop, "me", config(a="1", b="1"))
    assert 'conflict with "editor" using v1 at 2025-11-05T20:00:00Z: .data.a' in refused.value.message


def test_the_same_apply_twice_changes_nothing(shop: Objects) -> None:
    first = apply(shop, "me", config(a="1"))
    assert apply(shop, "me", config(a="1"))["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_list_items_are_owned_by_their_keys(shop: Objects) -> None:
    def deployment(*containers: Object, **more: object) -> Object:
        labels = {"app": "web"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": list(containers)}}
        spec = {"selector": {"matchLabels": labels}, "template": template, **more}
        return {"metadata": {"name": "web"}, "spec": spec}

    web, side = {"name": "web", "image": "web:1"}, {"name": "side", "image": "side:1"}

    def run(manager: str, obj: Object) -> Object:
        return shop.apply(DEPLOYMENT, "shop", "web", obj, WriteOptions(manager))[0]

    run("me", deployment(web, side, replicas=3))
    changed = run("me", deployment({**web, "image": "web:2"}))
    containers = changed["spec"]["template"]["spec"]["containers"]
    assert [(item["name"], item["image"]) for item in containers] == [("web", "web:2")]
    assert changed["spec"]["replicas"] == 1  # No longer named, so the default is back.
    with pytest.raises(ApiError) as refused:
        run("you", deployment({**web, "image": "web:3"}))
    assert '.spec.template.spec.containers[name="web"].image' in refused.value.message


def test_scaling_takes_the_replicas_from_whoever_applied_them(shop: Objects) -> None:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "x:1"}]}}
    obj: Object = {
        "metadata": {"name": "web"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }
    shop.apply(DEPLOYMENT, "shop", "web", obj, WriteOptions("me"))
    shop.scale(DEPLOYMENT, "shop", "web", 4, "", WriteOptions("kubectl"))
    with pytest.raises(ApiError, match=r'with "kubectl" with subresource "scale"'):
        shop.apply(DEPLOYMENT, "shop", "web", obj, WriteOptions("me"))


elements = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', 'v:"y"'])
paths = st.sets(st.lists(elements, min_size=1, max_size=4).map(tuple), max_size=8)


@given(paths)
def test_paths_survive_the_way_through_fields_v1(found: set[tuple[str, ...]]) -> None:
    assert from_fields(to_fields(found)) == found


def test_paths_are_shown_as_people_write_them() -> None:
    path = ("f:spec", "f:ports", 'k:{"port":80,"protocol":"TCP"}', "f:name")
    assert shown(path) == '.spec.ports[port=80,protocol="TCP"].name'
    assert shown(("f:metadata", "f:finalizers", 'v:"x"')) == '.metadata.finalizers[="x"]'


def test_identity_and_versions_belong_to_nobody() -> None:
    node = schema.of_kind("", "v1", "ConfigMap")
    old: Object = {"metadata": {"name": "c", "resourceVersion": "1", "generation": 1}}
    new: Object = {"metadata": {"name": "c", "resourceVersion": "2", "generation": 2, "labels": {"a": "b"}}}
    change = difference(old, new, node)
    assert change.written == {("f:metadata", "f:labels"), ("f:metadata", "f:labels", "f:a")}
    assert applied_paths(new, node) == {("f:metadata", "f:labels", "f:a")}
