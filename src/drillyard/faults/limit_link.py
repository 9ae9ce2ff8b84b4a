"""
Narrows the link from one workload to one Service: everything on it takes its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from drillyard.base.errors import DrillyardError
from drillyard.faults.link import Link
from drillyard.yard.control.client import LinkAnswer
from drillyard.yard.yard import Yard

_SHARE_OF_TIME = 0.7
_LEAST_S = 0.1


@dataclass(frozen=True, kw_only=True)
class LimitLink(Link):
    """
    At most `bandwidth_kbps` (kilobit a second, each direction) get over the link.

    A capability of the yard. Proven by fetching `probe_path` over that very link: it takes as long as its bytes need.
    """

    bandwidth_kbps: int
    probe_path: str = "/catalogue"

    def impairment(self) -> dict[str, Any]:
        return {"bandwidth_kbps": self.bandwidth_kbps}

    async def prepare(self, yard: Yard) -> Self:
        """Also refuses a limit at which the probe would not be slow enough to tell."""
        prepared = await super().prepare(yard)
        size = (await self._probe(yard)).bytes
        if self._due_s(size) < _LEAST_S:
            raise DrillyardError(
                f"{size} bytes of {self.probe_path} pass a link of {self.bandwidth_kbps} kbit/s in no time: that could "
                "not be proven.",
                hint="Name a larger probe_path, or a narrower link.",
            )
        return prepared

    def hit(self, answer: LinkAnswer) -> bool:
        return answer.status is not None and answer.took_s >= max(_LEAST_S, self._due_s(answer.bytes)) * _SHARE_OF_TIME

    def describe(self) -> str:
        return f"the link {self.client} → {self.service} passes {self.bandwidth_kbps} kbit/s at most{self._part}"

    def _due_s(self, size: int) -> float:
        return size * 8 / 1000 / self.bandwidth_kbps
