"""
The arithmetic of a Deployment: which ReplicaSet gets how many replicas next. Pure functions, in the terms of apps/v1.

The rules are those of the real controller (pkg/controller/deployment/rolling.go): never more than wanted + surge pods,
never fewer than wanted - unavailable available ones, and old pods that do not work anyway go first.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from drillyard.cluster.client import Object

NAME_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def template_hash(template: Object, collisions: int = 0) -> str:
    """8 to 10 characters that name a template: FNV-1a over its JSON, in the alphabet of generated names."""
    text = json.dumps(template, sort_keys=True, separators=(",", ":")) + (str(collisions) if collisions else "")
    digest = 0x811C9DC5
    for byte in text.encode():
        digest = ((digest ^ byte) * 0x01000193) & 0xFFFFFFFF
    return "".join(NAME_ALPHABET[ord(digit) % len(NAME_ALPHABET)] for digit in f"{digest:08d}")


def share(value: Any, of: int, *, up: bool) -> int:
    """`25%` of a number, rounded up or down, or the number itself when it is one."""
    if isinstance(value, str) and value.endswith("%"):
        exact = int(value[:-1]) * of / 100
        return math.ceil(exact) if up else math.floor(exact)
    return int(value)


def bounds(deployment: Object) -> tuple[int, int]:
    """Surge and unavailable pods that a rolling update may have; never both 0, or it could not move."""
    wanted = deployment["spec"].get("replicas", 1)
    rolling = deployment["spec"].get("strategy", {}).get("rollingUpdate") or {}
    surge = share(rolling.get("maxSurge", "25%"), wanted, up=True)
    unavailable = share(rolling.get("maxUnavailable", "25%"), wanted, up=False)
    return (surge, 1) if surge == 0 and unavailable == 0 else (surge, unavailable)


def _replicas(replica_set: Object) -> int:
    return int(replica_set["spec"].get("replicas", 1))


def _available(replica_set: Object) -> int:
    return int(replica_set.get("status", {}).get("availableReplicas", 0))


def _has_pods(replica_set: Object) -> bool:
    """Also while the last of them is still on its way out."""
    status = replica_set.get("status", {})
    return bool(_replicas(replica_set) or status.get("replicas") or status.get("terminatingReplicas"))


def new_replicas(deployment: Object, new: Object | None, old: Sequence[Object]) -> int:
    """What the ReplicaSet of the current template gets now (None: it is about to be created)."""
    wanted = int(deployment["spec"].get("replicas", 1))
    current = _replicas(new) if new is not None else 0
    if deployment["spec"].get("strategy", {}).get("type") == "Recreate":
        return current if any(map(_has_pods, old)) else wanted
    if current >= wanted:
        return wanted
    surge, _ = bounds(deployment)
    room = wanted + surge - current - sum(map(_replicas, old))
    return current + max(0, min(room, wanted - current))


def old_replicas(deployment: Object, new: Object, old: Sequence[Object]) -> dict[str, int]:
    """What the ReplicaSets of older templates get now, by name; only those that change."""
    running = [item for item in old if _replicas(item) > 0]
    if deployment["spec"].get("strategy", {}).get("type") == "Recreate":
        return {item["metadata"]["name"]: 0 for item in running}
    wanted = int(deployment["spec"].get("replicas", 1))
    _, unavailable = bounds(deployment)
    least = wanted - unavailable
    new_missing = _replicas(new) - _available(new)
    budget = sum(map(_replicas, running)) + _replicas(new) - least - new_missing
    sizes = {item["metadata"]["name"]: _replicas(item) for item in running}
    oldest_first = sorted(running, key=lambda item: str(item["metadata"]["creationTimestamp"]))
    for item in oldest_first:  # Those that do not work go first.
        cut = min(max(0, _replicas(item) - _available(item)), max(0, budget))
        sizes[item["metadata"]["name"]] -= cut
        budget -= cut
    spare = sum(_available(item) for item in running) + _available(new) - least
    for item in oldest_first:
        cut = min(sizes[item["metadata"]["name"]], max(0, spare), max(0, budget))
        sizes[item["metadata"]["name"]] -= cut
        spare -= cut
        budget -= cut
    return {
        item["metadata"]["name"]: size
        for item in running
        if (size := sizes[item["metadata"]["name"]]) != _replicas(item)
    }


def is_complete(deployment: Object, status: Object) -> bool:
    """The current template runs everywhere, and nothing else does."""
    wanted = deployment["spec"].get("replicas", 1)
    return all(status.get(name, 0) == wanted for name in ("updatedReplicas", "replicas", "availableReplicas"))
