"""
From a pod object to the tags that Datadog's agent puts on everything of that pod.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drillyard.base.errors import SettingError
from drillyard.telemetry.agent.rules import NO_RULES, Rules, read_rules

_OWNER_TAGS = {
    "ReplicaSet": "kube_replica_set",
    "DaemonSet": "kube_daemon_set",
    "StatefulSet": "kube_stateful_set",
    "Job": "kube_job",
}


@dataclass(frozen=True)
class Image:
    """`quay.io/powercloud/sock-shop-orders:0.4.7` in its parts."""

    name: str
    short: str
    tag: str


@dataclass(frozen=True)
class Origin:
    """What is known of the container that wrote a line."""

    service: str
    source: str
    tags: tuple[str, ...]
    rules: Rules = NO_RULES


def parse_image(reference: str) -> Image:
    """An image reference; the tag is `latest` when none is given. A digest is left out."""
    name = reference.partition("@")[0]
    path, _, last = name.rpartition("/")
    short, _, tag = last.partition(":")
    return Image(f"{path}/{short}" if path else short, short, tag or "latest")


def pod_tags(pod: Mapping[str, Any], cluster_name: str) -> list[str]:
    """The tags that all containers of the pod share."""
    metadata, spec = pod.get("metadata") or {}, pod.get("spec") or {}
    labels = metadata.get("labels") or {}
    tags = [f"kube_namespace:{metadata.get('namespace', '')}", f"pod_name:{metadata.get('name', '')}"]
    if cluster_name:
        tags.append(f"kube_cluster_name:{cluster_name}")
    if spec.get("nodeName"):
        tags.append(f"kube_node:{spec['nodeName']}")
    phase = (pod.get("status") or {}).get("phase")
    if phase:
        tags.append(f"pod_phase:{phase.lower()}")
    tags += _owner_tags(metadata, labels)
    tags += [f"{name}:{labels[key]}" for name, key in _unified() if labels.get(key)]
    return tags


def container_tags(pod: Mapping[str, Any], container: str, cluster_name: str) -> list[str]:
    """All tags of one container of the pod."""
    tags = [*pod_tags(pod, cluster_name), f"kube_container_name:{container}", f"container_name:{container}"]
    tags.append(f"display_container_name:{container}_{(pod.get('metadata') or {}).get('name', '')}")
    identity = container_id(pod, container)
    if identity:
        tags.append(f"container_id:{identity}")
    image = image_of(pod, container)
    if image:
        tags += [f"image_name:{image.name}", f"short_image:{image.short}", f"image_tag:{image.tag}"]
    return tags


def origin(pod: Mapping[str, Any], container: str, cluster_name: str) -> Origin:
    """
    Service, source and tags for the container's lines.

    Service and source are the image's short name, unless the pod says otherwise: by the annotation
    `ad.datadoghq.com/CONTAINER.logs`, or for the service by the label `tags.datadoghq.com/service`.
    """
    image = image_of(pod, container)
    short = image.short if image else container
    metadata = pod.get("metadata") or {}
    own = _log_settings(metadata.get("annotations") or {}, container)
    labelled = (metadata.get("labels") or {}).get("tags.datadoghq.com/service")
    tags = container_tags(pod, container, cluster_name)
    tags += [str(tag) for tag in own.get("tags", []) if isinstance(tag, str)]
    service, source = str(own.get("service") or labelled or short), str(own.get("source") or short)
    return Origin(service, source, tuple(tags), _rules(own, f"{metadata.get('name')}/{container}"))


def path_origin(namespace: str, pod: str, container: str, cluster_name: str) -> Origin:
    """What the log file's path alone says, for a pod that the API server does not know (any more)."""
    metadata = {"namespace": namespace, "name": pod}
    return Origin(container, container, tuple(container_tags({"metadata": metadata}, container, cluster_name)))


def container_status(pod: Mapping[str, Any], container: str) -> dict[str, Any]:
    """The container's entry in the pod's status, empty if there is none."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return next((status for status in statuses if status.get("name") == container), {})


def container_id(pod: Mapping[str, Any], container: str) -> str:
    """The runtime's id without its scheme."""
    return str(container_status(pod, container).get("containerID") or "").rpartition("//")[2]


def image_of(pod: Mapping[str, Any], container: str) -> Image | None:
    """The image that the pod's spec names for the container."""
    spec = pod.get("spec") or {}
    for part in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        if part.get("name") == container and part.get("image"):
            return parse_image(part["image"])
    return None


def deployment_of(replica_set: str, labels: Mapping[str, str]) -> str:
    """The Deployment that a ReplicaSet's name belongs to: the name without the pod template's hash."""
    suffix = labels.get("pod-template-hash") or replica_set.rpartition("-")[2]
    return replica_set.removesuffix(f"-{suffix}") if replica_set.endswith(f"-{suffix}") else ""


def _owner_tags(metadata: Mapping[str, Any], labels: Mapping[str, str]) -> list[str]:
    tags = []
    for owner in metadata.get("ownerReferences") or []:
        kind, name = str(owner.get("kind", "")), str(owner.get("name", ""))
        tags += [f"kube_ownerref_kind:{kind.lower()}", f"kube_ownerref_name:{name}"]
        if kind in _OWNER_TAGS:
            tags.append(f"{_OWNER_TAGS[kind]}:{name}")
        deployment = deployment_of(name, labels) if kind == "ReplicaSet" else ""
        if deployment:
            tags.append(f"kube_deployment:{deployment}")
    return tags


def _unified() -> tuple[tuple[str, str], ...]:
    return tuple((name, f"tags.datadoghq.com/{name}") for name in ("env", "service", "version"))


def _rules(own: Mapping[str, Any], where: str) -> Rules:
    """As the Datadog agent does, a rule that cannot be understood is reported, and the lines are sent without it."""
    try:
        return read_rules(own.get("log_processing_rules"))
    except SettingError as wrong:
        sys.stderr.write(f"{where}: {wrong}\n")
        return NO_RULES


def _log_settings(annotations: Mapping[str, str], container: str) -> dict[str, Any]:
    try:
        found = json.loads(annotations.get(f"ad.datadoghq.com/{container}.logs") or "[]")
    except ValueError:
        return {}
    first = found[0] if isinstance(found, list) and found else {}
    return first if isinstance(first, dict) else {}
