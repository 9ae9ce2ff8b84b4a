"""
A deployment whose container ends as soon as it starts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drillyard.base.errors import DrillyardError
from drillyard.faults.container_change import ContainerChange


@dataclass(frozen=True, kw_only=True)
class CrashLoop(ContainerChange):
    """
    The container's command is replaced by one that ends with `exit_code`: the kubelet starts it again, later each time.

    Proven when the container waits in CrashLoopBackOff with that exit code and the Service has no ready endpoint.
    """

    exit_code: int = 1

    def changed(self, container: dict[str, Any]) -> dict[str, Any]:
        if not 1 <= self.exit_code <= 255:
            raise DrillyardError(f"exit_code is {self.exit_code}; it must be from 1 to 255.")
        return {**container, "command": ["sh", "-c", f"exit {self.exit_code}"], "args": []}

    def shows(self, status: dict[str, Any]) -> str:
        waits = (status.get("state", {}).get("waiting") or {}).get("reason")
        ended = (status.get("lastState", {}).get("terminated") or {}).get("exitCode")
        if waits == "CrashLoopBackOff" and ended == self.exit_code:
            return f"{status['name']}: CrashLoopBackOff, exit code {ended}, {status['restartCount']} restart(s)"
        return ""

    def describe(self) -> str:
        return f"the container of {self.deployment} ends with {self.exit_code} as soon as it starts"
