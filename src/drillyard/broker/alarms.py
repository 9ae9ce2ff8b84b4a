"""
Alarms: too much memory in use or too little disk left. While one is on, publishers wait and consumers go on.

That way a broker in need gets emptier and never loses what it confirmed (https://www.rabbitmq.com/docs/alarms).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

CHECK_EVERY_S = 1.0


@dataclass
class Alarms:
    """Limits in bytes. `check` measures and reports a change through `on_change`."""

    folder: Path
    memory_limit_bytes: int
    disk_free_limit_bytes: int
    on_change: Callable[[], None] = lambda: None
    memory: bool = False
    disk: bool = False
    memory_used_bytes: int = 0
    disk_free_bytes: int = 0

    @property
    def on(self) -> bool:
        return self.memory or self.disk

    @property
    def reason(self) -> str:
        """RabbitMQ's words in connection.blocked."""
        return "low on memory" if self.memory else "low on disk"

    def check(self) -> None:
        self.memory_used_bytes = int(psutil.Process().memory_info().rss)
        try:
            self.disk_free_bytes = shutil.disk_usage(self.folder).free
        except OSError:  # A folder that cannot even be asked cannot be written to.
            self.disk_free_bytes = 0
        before = (self.memory, self.disk)
        self.memory = self.memory_used_bytes > self.memory_limit_bytes
        self.disk = self.disk_free_bytes < max(1, self.disk_free_limit_bytes)
        if (self.memory, self.disk) != before:
            self.on_change()
