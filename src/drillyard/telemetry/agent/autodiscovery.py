"""
Finds brokers to measure among the pods, as Datadog's autodiscovery does.

By the image's short name, or by the annotation `ad.datadoghq.com/CONTAINER.checks`:
`{"rabbitmq": {"instances": [{"rabbitmq_api_url": "http://%%host%%:15672", "rabbitmq_user": …, "rabbitmq_pass": …}]}}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from drillyard.telemetry.agent.kubernetes import Object
from drillyard.telemetry.agent.tags import parse_image, pod_tags

BROKER_IMAGES = frozenset({"rabbitmq", "drillyard-broker"})
_DEFAULT = {"rabbitmq_api_url": "http://%%host%%:15672"}


@dataclass(frozen=True)
class Broker:
    """A management API (its base URL without `/api`), and the tags of what is measured there."""

    url: str
    user: str
    password: str
    tags: tuple[str, ...]


def brokers(pods: Iterable[Object], cluster_name: str) -> Iterator[Broker]:
    """The brokers in running pods."""
    for pod in pods:
        address = (pod.get("status") or {}).get("podIP")
        if not address or (pod["metadata"].get("deletionTimestamp")):
            continue
        tags = tuple(tag for tag in pod_tags(pod, cluster_name) if not tag.startswith("pod_phase:"))
        for container in (pod.get("spec") or {}).get("containers") or []:
            for instance in _instances(pod, container):
                yield _broker(instance, str(address), tags)


def _instances(pod: Object, container: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    annotations = pod["metadata"].get("annotations") or {}
    text = annotations.get(f"ad.datadoghq.com/{container.get('name')}.checks")
    if text is None:
        return [_DEFAULT] if parse_image(str(container.get("image") or "")).short in BROKER_IMAGES else []
    try:
        found = json.loads(text)["rabbitmq"]["instances"]
    except (ValueError, KeyError, TypeError):
        return []
    return [part for part in found if isinstance(part, dict) and "rabbitmq_api_url" in part]


def _broker(instance: Mapping[str, Any], address: str, tags: tuple[str, ...]) -> Broker:
    host = f"[{address}]" if ":" in address else address
    url = str(instance["rabbitmq_api_url"]).replace("%%host%%", host).rstrip("/").removesuffix("/api")
    user, password = str(instance.get("rabbitmq_user", "guest")), str(instance.get("rabbitmq_pass", "guest"))
    return Broker(url, user, password, tags)
