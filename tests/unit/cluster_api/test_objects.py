"""
The rules of create, update, patch and delete, through the local API.
"""

from __future__ import annotations

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.cluster.apiserver.local import LocalApi
from drillyard.cluster.client import ApiError, Object


def pod(name: str = "p", **spec: object) -> Object:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "web:1"}], **spec}}


def deployment(**spec: object) -> Object:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": pod()["spec"]}
    return {"metadata": {"name": "web"}, "spec": {"selector": {"matchLabels": labels}, "template": template, **spec}}


async def refused(code: int, call: object) -> ApiError:
    with pytest.raises(ApiError) as found:
        await call  # type: ignore[misc]
    assert found.value.status == code, found.value.message
    return found.value


async def test_a_stale_update_is_a_conflict_and_a_fresh_one_is_stored(api: LocalApi) -> None:
    await api.create("configmaps", "shop", {"metadata": {"name": "c"}, "data": {"k": "1"}})
    mine, yours = await api.get("configmaps", "shop", "c"), await api.get("configmaps", "shop", "c")
    mine["data"]["k"], yours["data"]["k"] = "mine", "yours"
    await api.update("configmaps", "shop", mine)
    problem = await refused(409, api.update("configmaps", "shop", yours))
    assert problem.reason == "Conflict" and "the object has been modified" in problem.message


async def test_a_write_that_changes_nothing_keeps_the_version(api: LocalApi) -> None:
    created = await api.create("deployments", "shop", deployment())
    same = await api.update("deployments", "shop", created)
    again = await api.patch("deployments", "shop", "web", {"spec": {"replicas": 1}})
    versions = {item["metadata"]["resourceVersion"] for item in (created, same, again)}
    assert len(versions) == 1


async def test_generation_counts_spec_changes_and_nothing_else(api: LocalApi) -> None:
    await api.create("deployments", "shop", deployment())
    labelled = await api.patch("deployments", "shop", "web", {"metadata": {"labels": {"a": "b"}}})
    assert labelled["metadata"]["generation"] == 1
    with_status = await api.patch("deployments", "shop", "web", {"status": {"replicas": 3}}, subresource="status")
    assert (with_status["metadata"]["generation"], with_status["status"]["replicas"]) == (1, 3)
    scaled = await api.patch("deployments", "shop", "web", {"spec": {"replicas": 5}, "status": {"replicas": 9}})
    assert (scaled["metadata"]["generation"], scaled["status"]["replicas"]) == (2, 3)


async def test_status_cannot_write_the_spec(api: LocalApi) -> None:
    await api.create("deployments", "shop", deployment())
    found = await api.patch("deployments", "shop", "web", {"spec": {"replicas": 7}}, subresource="status")
    assert found["spec"]["replicas"] == 1


async def test_a_caller_may_change_what_it_got(api: LocalApi) -> None:
    created = await api.create("configmaps", "shop", {"metadata": {"name": "c"}, "data": {"k": "1"}})
    created["data"]["k"] = "changed"
    (await api.list("configmaps", "shop")).items[0]["data"]["k"] = "changed"
    assert (await api.get("configmaps", "shop", "c"))["data"] == {"k": "1"}


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"replicas": -1}, "spec.replicas"),
        ({"selector": {"matchLabels": {"app": "other"}}}, "spec.template.metadata.labels"),
        ({"strategy": {"type": "Sideways"}}, "spec.strategy.type"),
        ({"template": {"metadata": {"labels": {"app": "web"}}, "spec": {}}}, "spec.template.spec.containers"),
    ],
)
async def test_what_is_wrong_is_named_by_its_field(api: LocalApi, spec: Object, field: str) -> None:
    problem = await refused(422, api.create("deployments", "shop", deployment(**spec)))
    assert problem.details is not None
    assert field in [cause["field"] for cause in problem.details["causes"]]


@pytest.mark.parametrize(
    "container",
    [
        {"name": "UPPER", "image": "x"},
        {"name": "c"},
        {"name": "c", "image": "x", "ports": [{"containerPort": 70000}]},
        {"name": "c", "image": "x", "resources": {"limits": {"memory": "much"}}},
        {"name": "c", "image": "x", "volumeMounts": [{"name": "nope", "mountPath": "/x"}]},
        {"name": "c", "image": "x", "readinessProbe": {"periodSeconds": 1}},
        {"name": "c", "image": "x", "imagePullPolicy": "Perhaps"},
    ],
)
async def test_containers_that_cannot_be(api: LocalApi, container: Object) -> None:
    await refused(422, api.create("pods", "shop", pod(containers=[container])))


async def test_wrong_types_and_unknown_fields_are_bad_requests(api: LocalApi) -> None:
    wrong = await refused(400, api.create("deployments", "shop", deployment(replicas="two")))
    assert "cannot unmarshal string into field spec.replicas of type integer" in wrong.message
    unknown = await refused(400, api.create("deployments", "shop", deployment(replicaz=2)))
    assert unknown.message.endswith('strict decoding error: unknown field "spec.replicaz"')
    for nonsense in ({"metadata": []}, {"metadata": {"name": 3}}, {"spec": "x"}, {"kind": "Pod"}):
        await refused(400, api.create("deployments", "shop", nonsense))


async def test_most_of_a_pod_cannot_change(api: LocalApi) -> None:
    await api.create("pods", "shop", pod())
    image = {"spec": {"containers": [{"name": "c", "image": "web:2"}]}}
    changed = await api.patch("pods", "shop", "p", image, type="strategic")
    assert changed["spec"]["containers"][0]["image"] == "web:2"
    problem = await refused(422, api.patch("pods", "shop", "p", {"spec": {"restartPolicy": "Never"}}))
    assert "pod updates may not change fields other than" in problem.message


async def test_a_bound_pod_gets_its_grace_and_a_lonely_one_goes_at_once(api: LocalApi, clock: VirtualClock) -> None:
    await api.create("pods", "shop", pod("lonely"))
    await api.delete("pods", "shop", "lonely")
    await refused(404, api.get("pods", "shop", "lonely"))
    await api.create("pods", "shop", pod("bound", nodeName="n1"))
    await api.delete("pods", "shop", "bound")
    going = (await api.get("pods", "shop", "bound"))["metadata"]
    assert (going["deletionTimestamp"], going["deletionGracePeriodSeconds"]) == ("2025-11-05T20:00:30Z", 30)
    await api.delete("pods", "shop", "bound", grace_s=5)
    shorter = (await api.get("pods", "shop", "bound"))["metadata"]
    assert (shorter["deletionTimestamp"], shorter["deletionGracePeriodSeconds"]) == ("2025-11-05T20:00:05Z", 5)
    await api.delete("pods", "shop", "bound", grace_s=0)
    await refused(404, api.get("pods", "shop", "bound"))


async def test_finalizers_hold_an_object_until_the_last_is_gone(api: LocalApi) -> None:
    await api.create("configmaps", "shop", {"metadata": {"name": "c", "finalizers": ["me/mine"]}})
    await api.delete("configmaps", "shop", "c")
    assert "deletionTimestamp" in (await api.get("configmaps", "shop", "c"))["metadata"]
    await api.patch("configmaps", "shop", "c", {"metadata": {"finalizers": None}})
    await refused(404, api.get("configmaps", "shop", "c"))


async def test_a_uid_guards_against_a_namesake(api: LocalApi) -> None:
    first = await api.create("configmaps", "shop", {"metadata": {"name": "c"}})
    await api.delete("configmaps", "shop", "c")
    await api.create("configmaps", "shop", {"metadata": {"name": "c"}})
    await refused(409, api.delete("configmaps", "shop", "c", uid=first["metadata"]["uid"]))


async def test_services_get_addresses_that_nobody_else_has(api: LocalApi) -> None:
    await api.create("services", "shop", {"metadata": {"name": "inner"}, "spec": {"ports": [{"port": 80}]}})
    found = []
    for number in range(40):
        service = {"metadata": {"name": f"s{number}"}, "spec": {"ports": [{"port": 80}], "type": "NodePort"}}
        found.append(await api.create("services", "shop", service))
    addresses = {item["spec"]["clusterIP"] for item in found}
    assert len(addresses) == 40 and all(address.startswith("10.96.") for address in addresses)
    assert len({item["spec"]["ports"][0]["nodePort"] for item in found}) == 40
    renamed = await api.patch("services", "shop", "s0", {"metadata": {"labels": {"a": "b"}}})
    assert renamed["spec"]["clusterIP"] == found[0]["spec"]["clusterIP"]
    await refused(422, api.patch("services", "shop", "s0", {"spec": {"clusterIP": "10.96.0.7"}}))
    taken = {"metadata": {"name": "t"}, "spec": {"clusterIP": found[1]["spec"]["clusterIP"], "ports": [{"port": 1}]}}
    assert "already allocated" in (await refused(422, api.create("services", "shop", taken))).message


async def test_nothing_is_created_in_a_namespace_that_is_not_there_or_going(api: LocalApi) -> None:
    missing = await refused(404, api.create("configmaps", "nope", {"metadata": {"name": "c"}}))
    assert missing.message == 'namespaces "nope" not found'
    await api.delete("namespaces", None, "shop")
    going = await refused(403, api.create("configmaps", "shop", {"metadata": {"name": "c"}}))
    assert "because it is being terminated" in going.message


async def test_a_kind_without_behaviour_is_refused(api: LocalApi) -> None:
    problem = await refused(404, api.create("statefulsets", "shop", {"metadata": {"name": "s"}}))
    assert problem.message == "this cluster serves no statefulsets"


async def test_secrets_keep_strings_encoded(api: LocalApi) -> None:
    secret: Object = {"metadata": {"name": "s"}, "stringData": {"password": "geheim"}}
    created = await api.create("secrets", "shop", secret)
    assert (created["data"], created["type"]) == ({"password": "Z2VoZWlt"}, "Opaque")
    assert "stringData" not in created


async def test_a_pod_is_bound_once(api: LocalApi) -> None:
    await api.create("pods", "shop", pod())
    binding: Object = {"metadata": {"name": "p"}, "target": {"name": "n1"}}
    bound = await api.update("pods", "shop", binding, subresource="binding")
    assert bound["spec"]["nodeName"] == "n1" and bound["status"]["conditions"][0]["type"] == "PodScheduled"
    await refused(409, api.update("pods", "shop", binding, subresource="binding"))


async def test_a_watch_with_a_selector_adds_and_deletes_as_objects_change(api: LocalApi) -> None:
    version = (await api.list("pods", "shop")).resource_version
    await api.create("pods", "shop", pod())
    for labels in ({"a": "1"}, {"a": "1", "b": "2"}, {"a": None}):
        await api.patch("pods", "shop", "p", {"metadata": {"labels": labels}})
    await api.delete("pods", "shop", "p")
    watch = api.watch("pods", "shop", resource_version=version, labels="a=1")
    assert [(await anext(watch)).type for _ in range(3)] == ["ADDED", "MODIFIED", "DELETED"]


async def test_nothing_that_was_handed_out_can_change_the_store(api: LocalApi) -> None:
    await api.create("services", "shop", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}})
    same = await api.patch("services", "shop", "s", {"metadata": {"labels": None}})
    before = await api.get("services", "shop", "s")
    same["metadata"]["managedFields"].clear()
    same["spec"]["ports"].clear()
    with_status = await api.patch("services", "shop", "s", {"status": {}}, subresource="status")
    with_status["spec"]["ports"].clear()
    assert await api.get("services", "shop", "s") == before


async def test_both_versions_of_an_autoscaler_are_one_object(api: LocalApi) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": target, "maxReplicas": 3, "targetCPUUtilizationPercentage": 50}
    await api.create("horizontalpodautoscalers.autoscaling/v1", "shop", {"metadata": {"name": "h"}, "spec": spec})
    new = await api.get("horizontalpodautoscalers", "shop", "h")
    target_of = new["spec"]["metrics"][0]["resource"]["target"]
    assert (new["apiVersion"], target_of) == ("autoscaling/v2", {"type": "Utilization", "averageUtilization": 50})
    old = await api.patch(
        "horizontalpodautoscalers.autoscaling/v1", "shop", "h", {"spec": {"targetCPUUtilizationPercentage": 70}}
    )
    assert (old["apiVersion"], old["spec"]["targetCPUUtilizationPercentage"]) == ("autoscaling/v1", 70)
    assert (await api.get("horizontalpodautoscalers", "shop", "h"))["spec"]["metrics"][0]["resource"]["target"] == {
        "type": "Utilization",
        "averageUtilization": 70,
    }
