"""What the agent measures, from objects as the API server and the broker give them."""

from __future__ import annotations

from drillyard.telemetry.agent.autodiscovery import brokers
from drillyard.telemetry.agent.cluster_metrics import deployment_gauges, pod_gauges, queue_gauges

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
