"""
What Datadog's Kubernetes checks measure, computed from the objects that the agent knows anyway.

A deployment scaled to 0 keeps reporting `replicas_available` 0; `kubernetes.pods.running` of it just stops.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from drillyard.telemetry.agent.kubernetes import Object
from drillyard.telemetry.agent.tags import container_tags, pod_tags

_DEPLOYMENT_STATUS = {
    "replicas": "replicas",
    "replicas_available": "availableReplicas",
    "replicas_ready": "readyReplicas",
    "replicas_unavailable": "unavailableReplicas",
    "replicas_updated": "updatedReplicas",
}

_QUEUE = ("messages", "messages_ready", "messages_unacknowledged", "consumers")
_SOMETIMES = ("consumer_utilisation", "memory")
"""Left out by a broker that has not measured them."""


@dataclass(frozen=True)
class Gauge:
    """One value now."""

    metric: str
    value: float
    tags: tuple[str, ...]


def deployment_gauges(deployments: Iterable[Object], cluster_name: str) -> Iterator[Gauge]:
    """`kubernetes_state.deployment.*`; a count that the status leaves out is 0."""
    for found in deployments:
        metadata, spec, status = found["metadata"], found.get("spec") or {}, found.get("status") or {}
        tags = [f"kube_namespace:{metadata.get('namespace', '')}", f"kube_deployment:{metadata['name']}"]
        if cluster_name:
            tags.append(f"kube_cluster_name:{cluster_name}")
        desired = spec.get("replicas")
        yield _deployment("replicas_desired", 1 if desired is None else desired, tags)
        for name, field in _DEPLOYMENT_STATUS.items():
            yield _deployment(name, status.get(field) or 0, tags)


def _deployment(name: str, value: Any, tags: list[str]) -> Gauge:
    return Gauge(f"kubernetes_state.deployment.{name}", float(value), tuple(tags))


def pod_gauges(pods: Iterable[Object], cluster_name: str) -> Iterator[Gauge]:
    """`kubernetes_state.pod.ready`, the containers' state and restarts, and `kubernetes.pods.running`."""
    running: Counter[tuple[str, ...]] = Counter()
    containers: Counter[tuple[str, ...]] = Counter()
    for pod in pods:
        tags, status = pod_tags(pod, cluster_name), pod.get("status") or {}
        shared = tuple(tag for tag in tags if not tag.startswith(("pod_name:", "pod_phase:")))
        if status.get("phase") == "Running":
            running[shared] += 1
        ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or [])
        for condition in ("true", "false"):
            value = float(ready == (condition == "true"))
            yield Gauge("kubernetes_state.pod.ready", value, (*tags, f"condition:{condition}"))
        for state in status.get("containerStatuses") or []:
            own = tuple(container_tags(pod, state["name"], cluster_name))
            is_running = "running" in (state.get("state") or {})
            containers[shared] += is_running
            yield Gauge("kubernetes_state.container.running", float(is_running), own)
            yield Gauge("kubernetes_state.container.ready", float(bool(state.get("ready"))), own)
            yield Gauge("kubernetes_state.container.restarts", float(state.get("restartCount") or 0), own)
            yield Gauge("kubernetes.containers.restarts", float(state.get("restartCount") or 0), own)
            yield from _reasons(state, own)
    for tags_of, count in running.items():
        yield Gauge("kubernetes.pods.running", float(count), tags_of)
    for tags_of, count in containers.items():
        if count:
            yield Gauge("kubernetes.containers.running", float(count), tags_of)


def _reasons(state: Any, tags: tuple[str, ...]) -> Iterator[Gauge]:
    """Why a container waits or ended, as `….status_report.count.waiting` with the tag `reason`."""
    for name in ("waiting", "terminated"):
        reason = ((state.get("state") or {}).get(name) or {}).get("reason")
        if reason:
            metric = f"kubernetes_state.container.status_report.count.{name}"
            yield Gauge(metric, 1.0, (*tags, f"reason:{str(reason).lower()}"))


def queue_gauges(queues: Iterable[Any], tags: Iterable[str]) -> Iterator[Gauge]:
    """`rabbitmq.queue.*` from the management API's `/api/queues`; a queue without a consumer says 0."""
    for queue in queues:
        own = (*tags, f"rabbitmq_queue:{queue['name']}", f"rabbitmq_vhost:{queue.get('vhost', '/')}")
        for name in _QUEUE:
            yield Gauge(f"rabbitmq.queue.{name}", float(queue.get(name) or 0), own)
        for name in _SOMETIMES:
            if isinstance(queue.get(name), int | float):
                yield Gauge(f"rabbitmq.queue.{name}", float(queue[name]), own)
        stats = queue.get("message_stats") or {}
        for name in ("publish", "deliver_get", "ack", "redeliver"):
            rate = (stats.get(f"{name}_details") or {}).get("rate") or 0
            yield Gauge(f"rabbitmq.queue.messages.{name}.count", float(stats.get(name) or 0), own)
            yield Gauge(f"rabbitmq.queue.messages.{name}.rate", float(rate), own)
