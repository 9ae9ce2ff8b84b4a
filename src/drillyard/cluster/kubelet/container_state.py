"""
What is known of one container, and its `containerStatus` (core/v1). Changed by its runner only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from drillyard.cluster.client import Object
from drillyard.cluster.timestamps import time_of


@dataclass(frozen=True)
class Waiting:
    reason: str = "ContainerCreating"
    message: str = ""

    def shown(self) -> Object:
        return {"waiting": {"reason": self.reason, **({"message": self.message} if self.message else {})}}


@dataclass(frozen=True)
class Running:
    started_at: datetime

    def shown(self) -> Object:
        return {"running": {"startedAt": time_of(self.started_at)}}


@dataclass(frozen=True)
class Terminated:
    """`exit_code` is 128 + the signal's number for a process that a signal ended."""

    exit_code: int
    reason: str
    started_at: datetime | None
    finished_at: datetime
    container_id: str = ""
    message: str = ""

    def shown(self) -> Object:
        found: dict[str, Any] = {"exitCode": self.exit_code, "reason": self.reason}
        if self.message:
            found["message"] = self.message
        found["startedAt"] = time_of(self.started_at or self.finished_at)
        found["finishedAt"] = time_of(self.finished_at)
        if self.container_id:
            found["containerID"] = self.container_id
        return {"terminated": found}


State = Waiting | Running | Terminated


@dataclass
class ContainerRecord:
    """One container of a pod."""

    name: str
    image: str
    state: State = field(default_factory=Waiting)
    last: Terminated | None = None
    image_id: str = ""
    container_id: str = ""
    restarts: int = 0
    started: bool = False
    ready: bool = False
    is_init: bool = False
    resources: Object = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        return isinstance(self.state, Terminated) and self.state.exit_code == 0

    def shown(self) -> Object:
        status: Object = {
            "name": self.name,
            "state": self.state.shown(),
            "lastState": self.last.shown() if self.last else {},
            "ready": self.ready,
            "restartCount": self.restarts,
            "image": self.image,
            "imageID": self.image_id,
            "started": self.started,
        }
        if self.container_id:
            status["containerID"] = self.container_id
        if self.resources:
            status["resources"] = self.resources
        return status
