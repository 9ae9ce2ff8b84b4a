"""What the agent measures, from objects as the API server and the broker give them."""

from __future__ import annotations

import pytest

from drillyard.telemetry.agent.autodiscovery import brokers
from drillyard.telemetry.agent.cluster_metrics import deployment_gauges, pod_gauges, queue_gauges
from drillyard.telemetry.agent.host_metrics import HostMetrics
from drillyard.telemetry.agent.state_metrics import (
    autoscaler_gauges,
    condition_gauges,
    endpoint_gauges,
    phase_gauges,
    replica_set_gauges,
)
from drillyard.telemetry.agent.usage_metrics import bound_gauges, quantity, usage_gauges

DEPLOYMENT = {"metadata": {"name": "payment", "namespace": "sock-shop"}, "spec": {"replicas": 0}, "status": {}}
POD = {
    "metadata": {"name": "orders-1", "namespace": "sock-shop", "uid": "u"},
    "spec": {"containers": [{"name": "orders", "image": "shop/orders:1"}]},
    "status": {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [
            {"name": "orders", "restartCount": 3, "ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
        ],
    },
}


def values(gauges):
    return {gauge.metric: gauge.value for gauge in gauges}


def test_a_deployment_scaled_to_zero_says_zero():
    found = values(deployment_gauges([DEPLOYMENT], "c"))
    assert found["kubernetes_state.deployment.replicas_available"] == 0
    assert found["kubernetes_state.deployment.replicas_desired"] == 0


def test_a_crashing_container_shows_restarts_and_its_reason():
    gauges = list(pod_gauges([POD], "c"))
    found = values(gauges)
    assert found["kubernetes.containers.restarts"] == 3
    assert found["kubernetes.pods.running"] == 1
    assert "kubernetes.containers.running" not in found
    (waiting,) = [gauge for gauge in gauges if gauge.metric.endswith("count.waiting")]
    assert "reason:crashloopbackoff" in waiting.tags


def test_a_queue_without_a_consumer_says_zero():
    queue = {"name": "shipping-task", "vhost": "/", "messages": 7, "message_stats": {"publish_details": {"rate": 0.5}}}
    gauges = list(queue_gauges([queue], ["kube_cluster_name:c"]))
    found = values(gauges)
    assert (found["rabbitmq.queue.messages"], found["rabbitmq.queue.consumers"]) == (7, 0)
    assert found["rabbitmq.queue.messages.publish.rate"] == 0.5
    assert gauges[0].tags == ("kube_cluster_name:c", "rabbitmq_queue:shipping-task", "rabbitmq_vhost:/")


def broker_pod(image, annotations=None):
    metadata = {"name": "rabbitmq-1", "namespace": "sock-shop", "uid": "r", "annotations": annotations or {}}
    return {
        "metadata": metadata,
        "spec": {"containers": [{"name": "rabbitmq", "image": image}]},
        "status": {"podIP": "10.244.0.9"},
    }


def test_a_broker_is_found_by_its_image_or_by_an_annotation():
    (by_image,) = brokers([broker_pod("rabbitmq:3.13-management"), broker_pod("redis:7")], "c")
    assert (by_image.url, by_image.user) == ("http://10.244.0.9:15672", "guest")
    assert "kube_namespace:sock-shop" in by_image.tags
    instance = '{"rabbitmq": {"instances": [{"rabbitmq_api_url": "http://%%host%%:8080/api/", "rabbitmq_user": "me"}]}}'
    (annotated,) = brokers([broker_pod("x", {"ad.datadoghq.com/rabbitmq.checks": instance})], "c")
    assert (annotated.url, annotated.user) == ("http://10.244.0.9:8080", "me")
    assert list(brokers([broker_pod("rabbitmq", {"ad.datadoghq.com/rabbitmq.checks": "{"})], "c")) == []


LIMITED = {
    "metadata": {"name": "orders-1", "namespace": "sock-shop", "uid": "u"},
    "spec": {
        "containers": [
            {"name": "orders", "image": "shop/orders:1", "resources": {"limits": {"memory": "200Mi", "cpu": "500m"}}}
        ]
    },
    "status": {"phase": "Pending"},
}


def test_a_container_uses_what_the_metrics_api_says_in_nanocores_and_bytes():
    usage = {
        "metadata": {"name": "orders-1", "namespace": "sock-shop"},
        "containers": [{"name": "orders", "usage": {"cpu": "12500000n", "memory": "51200Ki"}}],
    }
    other = {"metadata": {"name": "gone", "namespace": "sock-shop"}, "containers": [{"name": "x", "usage": {}}]}
    gauges = list(usage_gauges([usage, other], [LIMITED], "c"))
    found = values(gauges)
    assert found["kubernetes.cpu.usage.total"] == found["container.cpu.usage"] == 12_500_000
    assert found["kubernetes.memory.usage"] == 52_428_800
    assert found["kubernetes.memory.usage_pct"] == 0.25
    assert all("kube_container_name:orders" in gauge.tags for gauge in gauges)


def test_an_idle_container_uses_zero_and_an_unmeasured_one_nothing():
    usage = {"metadata": {"name": "orders-1", "namespace": "sock-shop"}}
    assert list(usage_gauges([usage], [LIMITED], "c")) == []
    usage["containers"] = [{"name": "orders", "usage": {"cpu": "0", "memory": "x"}}]
    found = values(usage_gauges([usage], [LIMITED], "c"))
    assert found == {"kubernetes.cpu.usage.total": 0, "container.cpu.usage": 0}


def test_limits_are_in_cores_and_bytes():
    found = values(bound_gauges([LIMITED], "c"))
    assert found["kubernetes.cpu.limits"] == 0.5
    assert found["kubernetes.memory.limits"] == 200 * 1024 * 1024
    assert "kubernetes.cpu.requests" not in found


@pytest.mark.parametrize(
    ("text", "value"),
    [("250m", 0.25), ("1", 1.0), ("1.5", 1.5), ("64Mi", 67_108_864.0), ("2G", 2e9), ("1e3", 1e3), ("5n", 5e-9), ("x", None), (None, None)],
)  # fmt: skip
def test_quantities_are_read_as_kubernetes_writes_them(text, value):
    assert quantity(text) == (None if value is None else pytest.approx(value))


def test_what_changes_seldom_is_said_in_ones_and_zeros():
    phases = {gauge.tags[-1]: gauge.value for gauge in phase_gauges([LIMITED], "c")}
    assert phases == {
        "pod_phase:pending": 1, "pod_phase:running": 0, "pod_phase:succeeded": 0, "pod_phase:failed": 0, "pod_phase:unknown": 0
    }  # fmt: skip
    available = {"type": "Available", "status": "False"}
    conditions = list(condition_gauges([DEPLOYMENT | {"status": {"conditions": [available]}}], "c"))
    assert [gauge.value for gauge in conditions] == [0, 1, 0]
    assert "condition:available" in conditions[1].tags and "status:false" in conditions[1].tags


def test_a_service_without_a_ready_pod_has_zero_addresses():
    empty = {"metadata": {"name": "payment", "namespace": "sock-shop"}}
    full = {"metadata": {"name": "orders", "namespace": "sock-shop"}, "subsets": [{"addresses": [{}, {}]}]}
    found = {gauge.tags[-1]: gauge.value for gauge in endpoint_gauges([empty, full], "") if "available" in gauge.metric}
    assert found == {"kube_service:payment": 0, "kube_service:orders": 2}


def test_autoscalers_and_replica_sets_are_counted_by_their_deployment():
    scaler = {
        "metadata": {"name": "front-end", "namespace": "sock-shop"},
        "spec": {"minReplicas": 1, "maxReplicas": 5, "scaleTargetRef": {"kind": "Deployment", "name": "front-end"}},
        "status": {"desiredReplicas": 3},
    }
    gauges = list(autoscaler_gauges([scaler], "c"))
    assert values(gauges)["kubernetes_state.hpa.desired_replicas"] == 3
    assert values(gauges)["kubernetes_state.hpa.current_replicas"] == 0
    assert all("kube_deployment:front-end" in gauge.tags for gauge in gauges)
    labels = {"pod-template-hash": "5c8"}
    old = {"metadata": {"name": "orders-5c8", "namespace": "n", "labels": labels}, "spec": {"replicas": 0}}
    gauges = list(replica_set_gauges([old], "c"))
    assert {gauge.value for gauge in gauges} == {0.0}
    assert all("kube_deployment:orders" in gauge.tags for gauge in gauges)


def test_the_machine_is_measured_between_two_looks(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "meminfo").write_text("MemTotal: 1000 kB\nMemFree: 100 kB\nMemAvailable: 400 kB\n")
    network = "h\nh\n  lo: 9 0 0 0 0 0 0 0 9 0\neth0: {} 0 0 0 0 0 0 0 {} 0\n"
    (tmp_path / "net" / "dev").write_text(network.format(1000, 500))
    (tmp_path / "stat").write_text("cpu  10 0 10 80 0 0 0 0 0 0\n")
    now = [100.0]
    host = HostMetrics(lambda: now[0], tmp_path)
    first = values(host.gauges(()))
    assert first["system.mem.used"] == 900 * 1024
    assert "system.cpu.user" not in first and "system.net.bytes_rcvd" not in first
    now[0] = 110.0
    (tmp_path / "stat").write_text("cpu  40 10 20 130 0 0 0 0 0 0\n")
    (tmp_path / "net" / "dev").write_text(network.format(3000, 400))
    second = values(host.gauges(()))
    assert second["system.cpu.user"] == 40.0
    assert (second["system.net.bytes_rcvd"], second["system.net.bytes_sent"]) == (200.0, 0.0)
    (tmp_path / "stat").unlink()
    assert "system.load.1" in values(host.gauges(()))
