"""
Endpoints, scheduling, daemons, namespaces, events: what follows from pods, nodes and time.
"""

from __future__ import annotations

from drillyard.cluster.client import ApiError, Object
from drillyard.cluster.controllers.availability import is_ready
from drillyard.cluster.controllers.daemonset import plan
from drillyard.cluster.controllers.node_lifecycle import NodeLifecycle
from drillyard.cluster.recorder import EventRecorder
from drillyard.cluster.timestamps import micro_time_of

from .conftest import NAMESPACE, Cluster, deployment, template


def service(name: str = "web", **spec: object) -> Object:
    return {"metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": [{"port": 80}], **spec}}


async def addresses(cluster: Cluster, side: str = "addresses") -> int:
    endpoints = await cluster.api.get("endpoints", NAMESPACE, "web")
    return sum(len(subset.get(side, ())) for subset in endpoints.get("subsets", ()))


async def test_only_ready_pods_stand_behind_a_service(cluster: Cluster) -> None:
    await cluster.api.create("services", NAMESPACE, service())
    await cluster.api.create("deployments", NAMESPACE, deployment(replicas=2))
    await cluster.settle()
    assert await addresses(cluster) == 0
    await cluster.make_ready()
    assert await addresses(cluster) == 2
    await cluster.make_ready(ready=False)
    assert (await addresses(cluster), await addresses(cluster, "notReadyAddresses")) == (0, 2)
    (found,) = await cluster.items("endpointslices")
    assert [item["conditions"]["ready"] for item in found["endpoints"]] == [False, False]
    assert found["metadata"]["labels"]["kubernetes.io/service-name"] == "web"


async def test_a_pod_that_is_being_deleted_gets_no_more_traffic(cluster: Cluster) -> None:
    await cluster.add_node()
    await cluster.api.create("services", NAMESPACE, service())
    await cluster.api.create("deployments", NAMESPACE, deployment())
    await cluster.settle()
    await cluster.make_ready()
    assert await addresses(cluster) == 1
    await cluster.api.patch("deployments", NAMESPACE, "web", {"spec": {"replicas": 0}})
    await cluster.settle()
    assert await addresses(cluster) == 0
    (found,) = await cluster.items("endpointslices")
    assert found["endpoints"][0]["conditions"] == {"ready": False, "serving": True, "terminating": True}


async def test_named_target_ports_are_looked_up_in_each_pod(cluster: Cluster) -> None:
    await cluster.api.create("services", NAMESPACE, service(ports=[{"port": 80, "targetPort": "web"}]))
    pod = template("web")
    pod["spec"]["containers"][0]["ports"] = [{"name": "web", "containerPort": 8079}]
    await cluster.api.create("pods", NAMESPACE, {**pod, "metadata": {**pod["metadata"], "name": "one"}})
    await cluster.settle()
    await cluster.make_ready()
    endpoints = await cluster.api.get("endpoints", NAMESPACE, "web")
    assert endpoints["subsets"][0]["ports"] == [{"port": 8079, "protocol": "TCP"}]


async def test_the_endpoints_go_with_their_service(cluster: Cluster) -> None:
    await cluster.api.create("services", NAMESPACE, service())
    await cluster.settle()
    await cluster.api.delete("services", NAMESPACE, "web")
    await cluster.settle()
    assert await cluster.items("endpoints") == [] and await cluster.items("endpointslices") == []


async def pod_on_node(cluster: Cluster, **spec: object) -> Object:
    pod = template("one")
    await cluster.api.create("pods", NAMESPACE, {"metadata": {"name": "one"}, "spec": {**pod["spec"], **spec}})
    await cluster.settle()
    return await cluster.api.get("pods", NAMESPACE, "one")


async def test_a_pod_waits_for_a_node_and_says_why(cluster: Cluster) -> None:
    pod = await pod_on_node(cluster)
    assert pod["status"]["conditions"][0]["message"] == "no nodes available to schedule pods"
    await cluster.add_node(unschedulable=True)
    await cluster.advance(11)
    told = (await cluster.events("FailedScheduling"))[-1]
    assert told == "0/1 nodes are available: 1 node(s) were unschedulable."
    await cluster.api.patch("nodes", None, "n1", {"spec": {"unschedulable": None}})
    await cluster.settle()
    assert (await cluster.api.get("pods", NAMESPACE, "one"))["spec"]["nodeName"] == "n1"
    assert await cluster.events("Scheduled") == ["Successfully assigned shop/one to n1"]


async def test_a_pod_that_asks_for_more_than_there_is_stays_pending(cluster: Cluster) -> None:
    await cluster.add_node()
    greedy = {"name": "c", "image": "x:1", "resources": {"requests": {"cpu": "2500m"}}}
    pod = await pod_on_node(cluster, containers=[greedy])
    assert pod["status"]["conditions"][0]["message"] == "0/1 nodes are available: 1 Insufficient cpu."


async def test_a_daemon_runs_once_on_every_chosen_node(cluster: Cluster) -> None:
    await cluster.add_node("n1")
    daemon: Object = {
        "metadata": {"name": "agent"},
        "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template("agent")},
    }
    await cluster.api.create("daemonsets", NAMESPACE, daemon)
    await cluster.settle()
    await cluster.add_node("n2")
    assert sorted(pod["spec"]["nodeName"] for pod in await cluster.items("pods")) == ["n1", "n2"]
    await cluster.make_ready()
    status = (await cluster.api.get("daemonsets", NAMESPACE, "agent"))["status"]
    assert (status["desiredNumberScheduled"], status["numberReady"], status["numberAvailable"]) == (2, 2, 2)


def test_an_outdated_daemon_pod_is_replaced_one_at_a_time() -> None:
    def pod(node: str) -> Object:
        status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
        labels = {"controller-revision-hash": "old"}
        return {"metadata": {"name": node, "labels": labels}, "spec": {"nodeName": node}, "status": status}

    daemon: Object = {"spec": {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}}}
    pods = [pod("n1"), pod("n2")]
    assert plan(daemon, ["n1", "n2"], pods, "old").delete == ()
    assert plan(daemon, ["n1", "n2"], pods, "new").delete == (pods[0],)
    assert plan(daemon, ["n1", "n2"], pods[:1], "new").delete == ()  # One is missing already.
    assert plan(daemon, ["n1", "n2"], pods[:1], "old").create_on == ("n2",)


async def test_a_new_namespace_has_an_account_and_a_dying_one_is_emptied(cluster: Cluster) -> None:
    assert [item["metadata"]["name"] for item in await cluster.items("serviceaccounts")] == ["default"]
    await cluster.api.create("deployments", NAMESPACE, deployment(replicas=2))
    await cluster.api.create("configmaps", NAMESPACE, {"metadata": {"name": "c"}})
    await cluster.settle()
    await cluster.api.delete("namespaces", None, NAMESPACE)
    for _ in range(5):
        await cluster.advance(1)
    try:
        await cluster.api.get("namespaces", None, NAMESPACE)
    except ApiError as gone:
        assert gone.status == 404
    else:
        raise AssertionError("the namespace is still there")
    assert await cluster.items("pods") == []


async def test_events_live_for_an_hour_after_they_last_happened(cluster: Cluster) -> None:
    recorder = EventRecorder(cluster.api, "test", cluster.clock)
    pod = await pod_on_node(cluster)
    await recorder.record(pod, "Warning", "Unhealthy", "Readiness probe failed")
    await cluster.settle()
    await cluster.advance(3_000)
    await recorder.record(pod, "Warning", "Unhealthy", "Readiness probe failed")
    await cluster.advance(3_000)
    (found,) = [item for item in await cluster.items("events") if item["reason"] == "Unhealthy"]
    assert found["count"] == 2
    await cluster.advance(700)
    assert await cluster.events("Unhealthy") == []


async def heartbeat(cluster: Cluster, node: str = "n1") -> None:
    lease: Object = {"spec": {"renewTime": micro_time_of(cluster.clock.now())}}
    try:
        await cluster.api.patch("leases", "kube-node-lease", node, lease)
    except ApiError:
        await cluster.api.create("leases", "kube-node-lease", {"metadata": {"name": node}, **lease})


async def test_a_node_that_falls_silent_loses_its_traffic_then_its_pods(cluster: Cluster) -> None:
    await cluster.api.create("namespaces", None, {"metadata": {"name": "kube-node-lease"}})
    await cluster.add_node()
    await heartbeat(cluster)
    await cluster.api.create("services", NAMESPACE, service())
    await cluster.api.create("deployments", NAMESPACE, deployment())
    await cluster.settle()
    await cluster.make_ready()
    for _ in range(5):
        await cluster.advance(10)
        await heartbeat(cluster)
    assert await addresses(cluster) == 1
    for _ in range(10):
        await cluster.advance(5)
    node = await cluster.api.get("nodes", None, "n1")
    assert node["status"]["conditions"][0]["status"] == "Unknown"
    assert [item["effect"] for item in node["spec"]["taints"]] == ["NoSchedule", "NoExecute"]
    assert await addresses(cluster) == 0
    for _ in range(56):
        await cluster.advance(5)
    assert not any("deletionTimestamp" in pod["metadata"] for pod in await cluster.items("pods"))
    await cluster.advance(30)
    assert any("deletionTimestamp" in pod["metadata"] for pod in await cluster.items("pods"))


async def test_a_node_that_speaks_again_is_untainted(cluster: Cluster) -> None:
    await cluster.api.create("namespaces", None, {"metadata": {"name": "kube-node-lease"}})
    await cluster.add_node()
    await heartbeat(cluster)
    await cluster.api.create("deployments", NAMESPACE, deployment())
    await cluster.settle()
    await cluster.make_ready()
    for _ in range(12):
        await cluster.advance(5)
    assert (await cluster.api.get("nodes", None, "n1"))["spec"]["taints"]
    assert not is_ready((await cluster.items("pods"))[0])
    await heartbeat(cluster)
    ready = {"type": "Ready", "status": "True"}
    await cluster.api.patch("nodes", None, "n1", {"status": {"conditions": [ready]}}, subresource="status")
    await cluster.settle()
    assert "taints" not in (await cluster.api.get("nodes", None, "n1"))["spec"]
    assert is_ready((await cluster.items("pods"))[0])


async def test_a_machine_that_slept_does_not_blame_its_node(cluster: Cluster) -> None:
    await cluster.api.create("namespaces", None, {"metadata": {"name": "kube-node-lease"}})
    await cluster.add_node()
    await heartbeat(cluster)
    controller = NodeLifecycle(cluster.api, cluster.clock)
    await controller.reconcile(("", "n1"))
    cluster.clock.elapsed_s += 3_600  # Nobody was woken meanwhile.
    await controller.reconcile(("", "n1"))
    assert (await cluster.api.get("nodes", None, "n1"))["status"]["conditions"][0]["status"] == "True"


async def test_pods_of_a_node_that_is_gone_go_at_once(cluster: Cluster) -> None:
    await cluster.add_node()
    await cluster.api.create("deployments", NAMESPACE, deployment())
    await cluster.settle()
    await cluster.api.delete("nodes", None, "n1")
    await cluster.settle()
    (pod,) = await cluster.items("pods")
    assert "nodeName" not in pod["spec"]
