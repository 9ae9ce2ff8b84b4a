"""
Deployments, from the first pod to an undone rollout, in virtual time.
"""

from __future__ import annotations

import re

from drillyard.cluster.client import Object

from .conftest import NAMESPACE, Cluster, deployment


def condition(obj: Object, kind: str) -> tuple[str, str]:
    found = next(item for item in obj["status"]["conditions"] if item["type"] == kind)
    return found["status"], found["reason"]


async def test_a_deployment_becomes_pods_with_the_names_of_real_ones(cluster: Cluster) -> None:
    await cluster.add_node()
    await cluster.api.create("deployments", NAMESPACE, deployment(replicas=2))
    await cluster.settle()
    pods = await cluster.items("pods")
    assert len(pods) == 2
    for pod in pods:
        assert re.fullmatch(r"web-[bcdf-hj-np-tv-xz2-9]{8,10}-[bcdf-hj-np-tv-xz2-9]{5}", pod["metadata"]["name"])
        assert pod["spec"]["nodeName"] == "n1"
    (replica_set,) = await cluster.items("replicasets")
    assert await cluster.events("ScalingReplicaSet") == [
        f"Scaled up replica set {replica_set['metadata']['name']} from 0 to 2"
    ]
    assert sorted(await cluster.events("SuccessfulCreate")) == sorted(
        f"Created pod: {pod['metadata']['name']}" for pod in pods
    )


async def test_scaling_down_is_told_as_a_current_kubernetes_tells_it(cluster: Cluster) -> None:
    await cluster.api.create("deployments", NAMESPACE, deployment(replicas=1))
    await cluster.settle()
    await cluster.api.patch("deployments", NAMESPACE, "web", {"spec": {"replicas": 0}}, subresource="scale")
    await cluster.settle()
    assert await cluster.items("pods") == []
    assert re.fullmatch(r"Scaled down replica set web-\w+ from 1 to 0", (await cluster.events("ScalingReplicaSet"))[-1])


async def test_scaling_again_and_again_counts_the_same_event(cluster: Cluster) -> None:
    await cluster.api.create("deployments", NAMESPACE, deployment(replicas=1))
    for replicas in (0, 1, 0, 1):
        await cluster.settle()
        await cluster.api.patch("deployments", NAMESPACE, "web", {"spec": {"replicas": replicas}})
    await cluster.settle()
    counts = {
        item["message"].rpartition(" from ")[2]: item["count"]
        for item in await cluster.items("events")
        if item["reason"] == "ScalingReplicaSet"
    }
    assert counts == {"0 to 1": 3, "1 to 0": 2}


async def test_status_and_conditions_follow_the_pods(cluster: Cluster) -> None:
    await cluster.api.create("deployments", NAMESPACE, deployment(replicas=2))
    await cluster.settle()
    before = await cluster.api.get("deployments", NAMESPACE, "web")
    assert condition(before, "Available") == ("False", "MinimumReplicasUnavailable")
    assert before["status"]["unavailableReplicas"] == 2
    await cluster.make_ready()
    after = await cluster.api.get("deployments", NAMESPACE, "web")
    assert condition(after, "Available") == ("True", "MinimumReplicasAvailable")
    assert condition(after, "Progressing") == ("True", "NewReplicaSetAvailable")
    assert after["status"]["readyReplicas"] == after["status"]["availableReplicas"] == 2


async def test_a_rollout_keeps_enough_pods_available_at_every_step(cluster: Cluster) -> None:
    await cluster.api.create("deployments", NAMESPACE, deployment(replicas=4))
    await cluster.settle()
    await cluster.make_ready()
    image = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "web:2"}]}}}}
    await cluster.api.patch("deployments", NAMESPACE, "web", image, type="strategic")
    for _ in range(20):
        await cluster.settle()
        pods = [pod for pod in await cluster.items("pods") if "deletionTimestamp" not in pod["metadata"]]
        available = sum(pod["status"]["phase"] == "Running" for pod in pods)
        assert available >= 3 and len(pods) <= 5
        images = {pod["spec"]["containers"][0]["image"] for pod in pods}
        if images == {"web:2"} and available == 4:
            break
        await cluster.make_ready()
    assert images == {"web:2"}
    found = await cluster.api.get("deployments", NAMESPACE, "web")
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    assert condition(found, "Progressing") == ("True", "NewReplicaSetAvailable")


async def test_going_back_to_an_old_template_reuses_its_replica_set(cluster: Cluster) -> None:
    await cluster.api.create("deployments", NAMESPACE, deployment(replicas=1))
    await cluster.settle()
    await cluster.make_ready()
    for image in ("web:2", "web:1"):
        change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
        await cluster.api.patch("deployments", NAMESPACE, "web", change, type="strategic")
        for _ in range(4):
            await cluster.settle()
            await cluster.make_ready()
    sets = await cluster.items("replicasets")
    revisions = {
        item["spec"]["template"]["spec"]["containers"][0]["image"]: item["metadata"]["annotations"][
            "deployment.kubernetes.io/revision"
        ]
        for item in sets
    }
    assert revisions == {"web:1": "3", "web:2": "2"}


async def test_recreate_starts_nothing_new_before_the_old_is_gone(cluster: Cluster) -> None:
    await cluster.add_node()
    await cluster.api.create("deployments", NAMESPACE, deployment(replicas=1, strategy={"type": "Recreate"}))
    await cluster.settle()
    await cluster.make_ready()
    change = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "web:2"}]}}}}
    await cluster.api.patch("deployments", NAMESPACE, "web", change, type="strategic")
    for _ in range(4):
        await cluster.settle()
        images = [pod["spec"]["containers"][0]["image"] for pod in await cluster.items("pods")]
        assert len(images) <= 1
        await cluster.make_ready()
    assert images == ["web:2"]


async def test_a_rollout_that_never_gets_ready_runs_out_of_time(cluster: Cluster) -> None:
    await cluster.api.create("deployments", NAMESPACE, deployment(progressDeadlineSeconds=60))
    await cluster.settle()
    await cluster.advance(59)
    assert condition(await cluster.api.get("deployments", NAMESPACE, "web"), "Progressing")[0] == "True"
    await cluster.advance(5)
    late = await cluster.api.get("deployments", NAMESPACE, "web")
    assert condition(late, "Progressing") == ("False", "ProgressDeadlineExceeded")


async def test_a_paused_deployment_scales_no_template_forward(cluster: Cluster) -> None:
    await cluster.api.create("deployments", NAMESPACE, deployment(paused=True))
    await cluster.settle()
    assert await cluster.items("replicasets") == []
    await cluster.api.patch("deployments", NAMESPACE, "web", {"spec": {"paused": False}})
    await cluster.settle()
    assert len(await cluster.items("pods")) == 1


async def test_deleting_a_deployment_takes_everything_with_it(cluster: Cluster) -> None:
    await cluster.api.create("deployments", NAMESPACE, deployment(replicas=3))
    await cluster.settle()
    await cluster.api.delete("deployments", NAMESPACE, "web")
    await cluster.settle()
    assert await cluster.items("replicasets") == [] and await cluster.items("pods") == []


async def test_orphaned_pods_stay_and_are_adopted_again(cluster: Cluster) -> None:
    await cluster.api.create("deployments", NAMESPACE, deployment())
    await cluster.settle()
    (replica_set,) = await cluster.items("replicasets")
    await cluster.api.delete("deployments", NAMESPACE, "web", propagation="Orphan")
    await cluster.settle()
    (kept,) = await cluster.items("replicasets")
    assert "ownerReferences" not in kept["metadata"]
    await cluster.api.delete("replicasets", NAMESPACE, replica_set["metadata"]["name"], propagation="Orphan")
    await cluster.settle()
    (pod,) = await cluster.items("pods")
    again = {
        "metadata": {"name": "taker"},
        "spec": {"selector": kept["spec"]["selector"], "template": kept["spec"]["template"]},
    }
    await cluster.api.create("replicasets", NAMESPACE, again)
    await cluster.settle()
    (adopted,) = await cluster.items("pods")
    assert adopted["metadata"]["uid"] == pod["metadata"]["uid"]
    assert adopted["metadata"]["ownerReferences"][0]["name"] == "taker"


async def test_foreground_deletion_removes_dependents_first(cluster: Cluster) -> None:
    await cluster.add_node()
    await cluster.api.create("deployments", NAMESPACE, deployment())
    await cluster.settle()
    await cluster.make_ready()
    await cluster.api.delete("deployments", NAMESPACE, "web", propagation="Foreground")
    await cluster.settle()
    assert (await cluster.api.get("deployments", NAMESPACE, "web"))["metadata"]["finalizers"] == ["foregroundDeletion"]
    await cluster.make_ready()  # The kubelet lets the pod go.
    await cluster.advance(2)
    await cluster.advance(2)
    assert await cluster.items("deployments") == [] and await cluster.items("pods") == []
