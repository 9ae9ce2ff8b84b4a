"""
Our metrics under the names that Prometheus' exporters give them.

kube-state-metrics' and RabbitMQ's names with their labels for what has them; for the rest dots become `_` and tags
labels.
"""

from __future__ import annotations

import re

from drillyard.telemetry.prometheus.values import NAME, Labels

_KNOWN = {
    "kubernetes_state.deployment.replicas_available": "kube_deployment_status_replicas_available",
    "kubernetes_state.deployment.replicas_desired": "kube_deployment_spec_replicas",
    "kubernetes_state.deployment.replicas": "kube_deployment_status_replicas",
    "kubernetes_state.deployment.replicas_ready": "kube_deployment_status_replicas_ready",
    "kubernetes_state.deployment.replicas_unavailable": "kube_deployment_status_replicas_unavailable",
    "kubernetes_state.deployment.replicas_updated": "kube_deployment_status_replicas_updated",
    "kubernetes_state.pod.ready": "kube_pod_status_ready",
    "kubernetes_state.container.restarts": "kube_pod_container_status_restarts_total",
    "kubernetes_state.container.running": "kube_pod_container_status_running",
    "kubernetes_state.container.ready": "kube_pod_container_status_ready",
    "rabbitmq.queue.messages": "rabbitmq_queue_messages",
    "rabbitmq.queue.messages_ready": "rabbitmq_queue_messages_ready",
    "rabbitmq.queue.messages_unacknowledged": "rabbitmq_queue_messages_unacknowledged",
    "rabbitmq.queue.consumers": "rabbitmq_queue_consumers",
    "system.load.1": "node_load1",
}
_LABELS = {
    "kube_namespace": "namespace",
    "kube_deployment": "deployment",
    "pod_name": "pod",
    "kube_container_name": "container",
    "kube_node": "node",
    "kube_cluster_name": "cluster",
    "rabbitmq_queue": "queue",
    "rabbitmq_vhost": "vhost",
    "condition": "condition",
    "reason": "reason",
    "host": "instance",
}
_NO_NAME = re.compile(r"[^A-Za-z0-9_]")


def prometheus_name(metric: str) -> str:
    """The name under which Prometheus would know the metric."""
    return _KNOWN.get(metric) or _NO_NAME.sub("_", metric)


def prometheus_labels(metric: str, tags: tuple[str, ...]) -> Labels:
    """The tags as labels, `__name__` included; of exporters' metrics only the labels that those have."""
    labels: Labels = {}
    for tag in tags:
        key, _, value = tag.partition(":")
        if metric in _KNOWN and key not in _LABELS:
            continue
        labels[_LABELS.get(key) or _NO_NAME.sub("_", key)] = value
    return {NAME: prometheus_name(metric), **dict(sorted(labels.items()))}
