"""
What containers use and may use, as Datadog's kubelet and container checks name it.

Usage is the Metrics API's (`/apis/metrics.k8s.io/v1beta1/pods`), so it is what `kubectl top` shows: cores since the
last look, and memory now. A yard measures memory as proportional set (PSS); the API gives one figure, which stands
under `usage`, `working_set` and `rss` alike. A container that the API does not name gives no point.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from drillyard.telemetry.agent.cluster_metrics import Gauge
from drillyard.telemetry.agent.kubernetes import Object
from drillyard.telemetry.agent.tags import container_tags

PATH = "/apis/metrics.k8s.io/v1beta1/pods"

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE]([+-]?[0-9]+)|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei))?")
_SCALES = {"n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18} | {
    f"{letter}i": float(1 << 10 * (place + 1)) for place, letter in enumerate("KMGTPE")
}


def quantity(text: Any) -> float | None:
    """A Kubernetes quantity (`250m`, `64Mi`) as a number; None for what is none."""
    match = _QUANTITY.fullmatch(str(text))
    if match is None:
        return None
    number, exponent, unit = match.groups()
    return float(number) * (10.0 ** int(exponent) if exponent else _SCALES.get(unit or "", 1.0))


def usage_gauges(usages: Iterable[Any], pods: Iterable[Object], cluster_name: str) -> Iterator[Gauge]:
    """From PodMetrics objects and the pods that they are about."""
    known = {(pod["metadata"].get("namespace"), pod["metadata"]["name"]): pod for pod in pods}
    for usage in usages:
        pod = known.get((usage["metadata"].get("namespace"), usage["metadata"]["name"]))
        for container in usage.get("containers") or [] if pod is not None else []:
            assert pod is not None
            tags = tuple(container_tags(pod, container["name"], cluster_name))
            cores, memory = (quantity(container["usage"].get(name)) for name in ("cpu", "memory"))
            if cores is not None:
                yield from _each(("kubernetes.cpu.usage.total", "container.cpu.usage"), round(cores * 1e9), tags)
            if memory is not None:
                names = ("usage", "working_set", "rss")
                yield from _each([f"kubernetes.memory.{name}" for name in names], memory, tags)
                yield from _each([f"container.memory.{name}" for name in names], memory, tags)
                limit = _amount(pod, container["name"], "limits", "memory")
                if limit:
                    yield Gauge("kubernetes.memory.usage_pct", memory / limit, tags)


def bound_gauges(pods: Iterable[Object], cluster_name: str) -> Iterator[Gauge]:
    """Requests and limits of the containers that have some: cores and bytes."""
    for pod in pods:
        for container in (pod.get("spec") or {}).get("containers") or []:
            tags = tuple(container_tags(pod, container["name"], cluster_name))
            for kind, word in (("requests", "requested"), ("limits", "limit")):
                for resource in ("cpu", "memory"):
                    amount = _amount(pod, container["name"], kind, resource)
                    if amount is not None:
                        yield Gauge(f"kubernetes.{resource}.{kind}", amount, tags)
                        yield Gauge(f"kubernetes_state.container.{resource}_{word}", amount, tags)


def _each(names: Iterable[str], value: float, tags: tuple[str, ...]) -> Iterator[Gauge]:
    return (Gauge(name, value, tags) for name in names)


def _amount(pod: Object, container: str, kind: str, resource: str) -> float | None:
    for part in (pod.get("spec") or {}).get("containers") or []:
        if part["name"] == container:
            return quantity(((part.get("resources") or {}).get(kind) or {}).get(resource))
    return None
