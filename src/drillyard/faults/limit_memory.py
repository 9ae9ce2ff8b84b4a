"""
A memory limit that a deployment's container cannot live with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drillyard.base.errors import DrillyardError
from drillyard.faults.container_change import ContainerChange


@dataclass(frozen=True, kw_only=True)
class LimitMemory(ContainerChange):
    """
    Sets the container's memory limit (and a request of as much) to `memory`, such as 16Mi.

    Proven when the container was OOMKilled with exit code 137 and the Service has no ready endpoint. Where neither
    cgroups nor the node's own watch enforces limits, that never comes, and the drill ends INVALID.
    """

    memory: str

    def changed(self, container: dict[str, Any]) -> dict[str, Any]:
        resources = container.get("resources") or {}
        limits, requests = dict(resources.get("limits") or {}), dict(resources.get("requests") or {})
        if limits.get("memory") == self.memory:
            raise DrillyardError(f"{self.deployment} has the memory limit {self.memory} already.")
        both = {"limits": {**limits, "memory": self.memory}, "requests": {**requests, "memory": self.memory}}
        return {**container, "resources": {**resources, **both}}

    def shows(self, status: dict[str, Any]) -> str:
        for state in (status.get("state", {}), status.get("lastState", {})):
            ended = state.get("terminated") or {}
            if ended.get("reason") == "OOMKilled":
                return f"{status['name']}: OOMKilled, exit code {ended.get('exitCode')}"
        return ""

    def describe(self) -> str:
        return f"the container of {self.deployment} has a memory limit of {self.memory}"
