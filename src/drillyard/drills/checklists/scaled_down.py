"""
When a deployment was last scaled down, by the events that the agent collected.
"""

from __future__ import annotations

from datetime import datetime

from drillyard.drills.checklists.entry import Sight
from drillyard.yard.yard import SHOP_NAMESPACE


async def scaled_down_at(sight: Sight, deployment: str) -> datetime | None:
    """None where it is not scaled to 0, or no event of the last day tells since when. In whole seconds."""
    found = await sight.yard.api.get("deployments", SHOP_NAMESPACE, deployment)
    if found["spec"].get("replicas", 1):
        return None
    query = f'source:kubernetes kube_namespace:{SHOP_NAMESPACE} "Scaled down replica set {deployment}"'
    events = await sight.yard.datadog.events(query, "now-1d", "now", sort="-timestamp", limit=1)
    if not events.items:
        return None
    return datetime.fromisoformat(events.items[0]["attributes"]["timestamp"])
