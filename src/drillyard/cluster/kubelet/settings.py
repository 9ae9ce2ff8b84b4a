"""
What a node is told at its start.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

NODE_ADDRESS = "10.244.0.1"


class TokenSource(Protocol):
    """Gives pods their service account's token, as the TokenRequest API does."""

    async def token(self, namespace: str, service_account: str, pod: str) -> str: ...


@dataclass(frozen=True, kw_only=True)
class NodeSettings:
    """
    `folder` is the node's own root: pods, logs (`var/log/pods`) and whatever a hostPath names lie below it.

    `backoff_scale` shortens every back-off (Kubernetes' own: 10 s, doubled up to 300 s), so that a crash loop is seen
    in seconds; `deleted_log_keep_s` is how long a deleted pod's logs stay for an agent that is still reading them.
    """

    folder: Path
    name: str = "sockshop-control-plane"
    backoff_scale: float = 0.05
    deleted_log_keep_s: float = 60.0
    heartbeat_s: float = 10.0
    ca_certificate: str = ""
    pods_max: int = 110

    @property
    def pods_folder(self) -> Path:
        return self.folder / "pods"

    @property
    def logs_folder(self) -> Path:
        return self.folder / "var" / "log" / "pods"
