"""
The arithmetic of a HorizontalPodAutoscaler (autoscaling/v2): from what pods use to how many there should be.

Rules: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from drillyard.cluster.client import Object
from drillyard.cluster.quantity import parse_quantity

TOLERANCE = 0.1
_WINDOW_S = {"scaleUp": 0, "scaleDown": 300}
_POLICIES: Mapping[str, list[Object]] = {
    "scaleUp": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
    "scaleDown": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}


@dataclass(frozen=True)
class Wish:
    """What one metric asks for. `current` is the metric as the status shows it."""

    replicas: int
    current: Object
    name: str


class NoMetric(Exception):
    """A metric that cannot be computed, with the reason for people."""


def wish(metric: Object, pods: Sequence[Object], usage: Mapping[str, Mapping[str, str]], replicas: int) -> Wish:
    """
    The replicas that one Resource metric asks for. `pods` are the ready ones, `usage` their containers' amounts by pod
    name: {"web-1": {"cpu": "12m", "memory": "30Mi"}}. Raises NoMetric.
    """
    name, target = metric["resource"]["name"], metric["resource"]["target"]
    measured = [pod for pod in pods if pod["metadata"]["name"] in usage]
    if not measured:
        raise NoMetric("no metrics returned from resource metrics API")
    used = sum((parse_quantity(usage[pod["metadata"]["name"]][name]) for pod in measured), Decimal())
    average = used / len(measured)
    shown: Object = {"averageValue": _amount(name, average)}
    if target["type"] == "Utilization":
        asked = sum((_requested(pod, name) for pod in measured), Decimal())
        ratio = float(used * 100 / asked / target["averageUtilization"])
        shown = {"averageUtilization": int(used * 100 / asked), **shown}
    else:
        ratio = float(average / parse_quantity(target["averageValue"]))
    wanted = replicas if abs(ratio - 1) <= TOLERANCE else math.ceil(ratio * len(measured))
    return Wish(wanted, {"type": "Resource", "resource": {"name": name, "current": shown}}, name)


def _requested(pod: Object, name: str) -> Decimal:
    total = Decimal()
    for container in pod["spec"]["containers"]:
        amount = container.get("resources", {}).get("requests", {}).get(name)
        if amount is None or parse_quantity(amount) == 0:
            where = f"{container['name']} of Pod {pod['metadata']['name']}"
            raise NoMetric(f"missing request for {name} in container {where}")
        total += parse_quantity(amount)
    return total


def _amount(name: str, value: Decimal) -> str:
    return f"{math.ceil(value * 1000)}m" if name == "cpu" else str(math.ceil(value))


@dataclass
class History:
    """What one autoscaler remembers: recommendations for stabilisation, and its own changes for rate limits."""

    recommended: list[tuple[float, int]] = field(default_factory=list)  # time in s, replicas
    changes: list[tuple[float, int]] = field(default_factory=list)  # time in s, difference


@dataclass(frozen=True)
class Decision:
    """The new size, and why it is not what the metrics asked for, if it is not."""

    replicas: int
    stabilised: bool = False
    limited: str = ""  # reason of the condition ScalingLimited


def decide(spec: Object, replicas: int, wanted: int, history: History, now_s: float) -> Decision:
    """Stabilisation, then rate limits, then the bounds of the autoscaler. Remembers the recommendation."""
    behavior = spec.get("behavior") or {}
    windows = {way: (behavior.get(way) or {}).get("stabilizationWindowSeconds", _WINDOW_S[way]) for way in _WINDOW_S}
    history.recommended.append((now_s, wanted))
    history.recommended = [item for item in history.recommended if now_s - item[0] <= max(windows.values())]
    lowest = min(size for when, size in history.recommended if now_s - when <= windows["scaleUp"])
    highest = max(size for when, size in history.recommended if now_s - when <= windows["scaleDown"])
    stable = lowest if replicas < lowest else highest if replicas > highest else replicas
    way = "scaleUp" if stable > replicas else "scaleDown"
    limit = _rate_limit(behavior.get(way) or {}, way, replicas, history, now_s) if stable != replicas else replicas
    allowed = min(stable, limit) if way == "scaleUp" else max(stable, limit)
    least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
    bounded = max(least, min(allowed, most))
    limited = ""
    if stable > most:
        limited = "TooManyReplicas"
    elif stable < least:
        limited = "TooFewReplicas"
    elif allowed != stable:
        limited = "ScaleUpLimit" if way == "scaleUp" else "ScaleDownLimit"
    return Decision(bounded, stabilised=stable != wanted, limited=limited)


def _rate_limit(rules: Object, way: str, replicas: int, history: History, now_s: float) -> int:
    """The furthest size that the policies allow now."""
    if rules.get("selectPolicy") == "Disabled":
        return replicas
    policies: list[Any] = rules.get("policies") or list(_POLICIES[way])
    longest_s = max(policy["periodSeconds"] for policy in policies)
    history.changes = [item for item in history.changes if now_s - item[0] <= max(longest_s, 300)]
    sizes = []
    for policy in policies:
        recent = [step for when, step in history.changes if now_s - when < policy["periodSeconds"]]
        start = replicas - sum(step for step in recent if (step > 0) == (way == "scaleUp"))
        if policy["type"] == "Pods":
            step = policy["value"]
        else:
            step = math.ceil(start * policy["value"] / 100) if way == "scaleUp" else start * policy["value"] / 100
        sizes.append(start + step if way == "scaleUp" else math.floor(start - step))
    most_change = rules.get("selectPolicy", "Max") == "Max"
    return int(max(sizes) if (way == "scaleUp") == most_change else min(sizes))
