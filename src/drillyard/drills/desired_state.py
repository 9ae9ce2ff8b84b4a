"""
What the shop is meant to be, as the Kubernetes API holds it; compared before and after, it shows what else was changed.
"""

from __future__ import annotations

from typing import Any

from drillyard.cluster.client import Api
from drillyard.yard.yard import SHOP_NAMESPACE

_KINDS = ("deployments", "services", "configmaps", "secrets")


async def snapshot(api: Api) -> dict[str, Any]:
    """
    `kind/name` → its spec (or data) in the shop's namespace.

    Secrets by their version only: a record holds no secret.
    """
    state: dict[str, Any] = {}
    for kind in _KINDS:
        for obj in (await api.list(kind, SHOP_NAMESPACE)).items:
            name = f"{kind}/{obj['metadata']['name']}"
            if kind == "secrets":
                state[name] = obj["metadata"]["resourceVersion"]
            else:
                state[name] = obj.get("spec", obj.get("data"))
    return state


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """One line for each place that differs: `deployments/orders.replicas: 1 → 2`."""
    return list(_walk("", before, after))


def _walk(path: str, before: Any, after: Any) -> list[str]:
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        lines: list[str] = []
        for key in sorted(before.keys() | after.keys()):
            lines += _walk(f"{path}.{key}" if path else key, before.get(key), after.get(key))
        return lines
    return [f"{path}: {_short(before)} → {_short(after)}"]


def _short(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
