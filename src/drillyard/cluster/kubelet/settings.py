"""
What a node is told at its start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from drillyard.cluster.client import Object

NODE_ADDRESS = "10.244.0.1"


class TokenSource(Protocol):
    """Gives pods their service account's token, as the TokenRequest API does."""

    async def token(self, pod: Object, source: Mapping[str, Any]) -> str:
        """For the account of the pod, as the source (a ServiceAccountTokenProjection) wants it. Raises ApiError."""


@dataclass(frozen=True, kw_only=True)
class NodeSettings:
    """
    `folder` is the node's own root: pods, logs (`var/log/pods`) and whatever a hostPath names lie below it.

    `backoff_scale` shortens every back-off (Kubernetes' own: 10 s, doubled up to 300 s), so that a crash loop is seen
    in seconds; `deleted_log_keep_s` is how long a deleted pod's logs stay for an agent that is still reading them.

    `address` and `port` are where an API server elsewhere finds this node's own API (`cluster.node_api`); port 0 means
    that there is none. `roles` become labels; a real API server lets no node say them of itself (NodeRestriction).
    """

    folder: Path
    name: str = "sockshop-control-plane"
    backoff_scale: float = 0.05
    deleted_log_keep_s: float = 60.0
    heartbeat_s: float = 10.0
    ca_certificate: str = ""
    pods_max: int = 110
    address: str = NODE_ADDRESS
    port: int = 0
    roles: tuple[str, ...] = ("control-plane",)

    @property
    def pods_folder(self) -> Path:
        return self.folder / "pods"

    @property
    def logs_folder(self) -> Path:
        return self.folder / "var" / "log" / "pods"
