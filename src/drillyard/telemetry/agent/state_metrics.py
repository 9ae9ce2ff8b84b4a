"""
`kubernetes_state.*` of what changes seldom: conditions and phases, ReplicaSets, autoscalers, endpoints.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from drillyard.telemetry.agent.cluster_metrics import Gauge
from drillyard.telemetry.agent.kubernetes import Object
from drillyard.telemetry.agent.tags import deployment_of, pod_tags

_PHASES = ("pending", "running", "succeeded", "failed", "unknown")


def condition_gauges(deployments: Iterable[Object], cluster_name: str) -> Iterator[Gauge]:
    """`kubernetes_state.deployment.condition`: 1 for the status that a condition has, 0 for the others."""
    for found in deployments:
        metadata, _, status = _parts(found)
        tags = [*_tags(metadata, cluster_name), f"kube_deployment:{metadata['name']}"]
        yield from _conditions("deployment", status, tags)


def phase_gauges(pods: Iterable[Object], cluster_name: str) -> Iterator[Gauge]:
    """`kubernetes_state.pod.status_phase`: 1 for the phase that a pod is in, 0 for the others."""
    for pod in pods:
        tags = [tag for tag in pod_tags(pod, cluster_name) if not tag.startswith("pod_phase:")]
        actual = str((pod.get("status") or {}).get("phase", "")).lower()
        for phase in _PHASES:
            yield _gauge("pod.status_phase", actual == phase, [*tags, f"pod_phase:{phase}"])


def replica_set_gauges(sets: Iterable[Object], cluster_name: str) -> Iterator[Gauge]:
    """`kubernetes_state.replicaset.*`; a count that the status leaves out is 0."""
    for found in sets:
        metadata, spec, status = _parts(found)
        tags = [*_tags(metadata, cluster_name), f"kube_replica_set:{metadata['name']}"]
        deployment = deployment_of(metadata["name"], metadata.get("labels") or {})
        if deployment:
            tags.append(f"kube_deployment:{deployment}")
        desired = spec.get("replicas")
        yield _gauge("replicaset.replicas_desired", 1 if desired is None else desired, tags)
        yield _gauge("replicaset.replicas", status.get("replicas") or 0, tags)
        yield _gauge("replicaset.replicas_ready", status.get("readyReplicas") or 0, tags)


def autoscaler_gauges(autoscalers: Iterable[Object], cluster_name: str) -> Iterator[Gauge]:
    """`kubernetes_state.hpa.*`."""
    for found in autoscalers:
        metadata, spec, status = _parts(found)
        tags = [*_tags(metadata, cluster_name), f"horizontalpodautoscaler:{metadata['name']}"]
        target = spec.get("scaleTargetRef") or {}
        if target.get("kind") == "Deployment":
            tags.append(f"kube_deployment:{target.get('name')}")
        least = spec.get("minReplicas")
        yield _gauge("hpa.min_replicas", 1 if least is None else least, tags)
        yield _gauge("hpa.max_replicas", spec.get("maxReplicas") or 0, tags)
        yield _gauge("hpa.desired_replicas", status.get("desiredReplicas") or 0, tags)
        yield _gauge("hpa.current_replicas", status.get("currentReplicas") or 0, tags)
        yield from _conditions("hpa", status, tags)


def endpoint_gauges(endpoints: Iterable[Object], cluster_name: str) -> Iterator[Gauge]:
    """`kubernetes_state.endpoint.address_available` and `…_not_ready`: a Service without a ready pod says 0."""
    for found in endpoints:
        metadata, _, _ = _parts(found)
        tags = [*_tags(metadata, cluster_name), f"kube_endpoint:{metadata['name']}", f"kube_service:{metadata['name']}"]
        subsets = found.get("subsets") or []
        for name, field in (("address_available", "addresses"), ("address_not_ready", "notReadyAddresses")):
            yield _gauge(f"endpoint.{name}", sum(len(part.get(field) or []) for part in subsets), tags)


def _conditions(kind: str, status: Any, tags: list[str]) -> Iterator[Gauge]:
    for condition in status.get("conditions") or []:
        actual = str(condition.get("status")).lower()
        for value in ("true", "false", "unknown"):
            own = [*tags, f"condition:{str(condition.get('type')).lower()}", f"status:{value}"]
            yield _gauge(f"{kind}.condition", actual == value, own)


def _parts(found: Object) -> tuple[Any, Any, Any]:
    return found["metadata"], found.get("spec") or {}, found.get("status") or {}


def _tags(metadata: Any, cluster_name: str) -> list[str]:
    tags = [f"kube_namespace:{metadata.get('namespace', '')}"]
    return [*tags, f"kube_cluster_name:{cluster_name}"] if cluster_name else tags


def _gauge(name: str, value: Any, tags: list[str]) -> Gauge:
    return Gauge(f"kubernetes_state.{name}", float(value), tuple(tags))
