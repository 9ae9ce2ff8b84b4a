"""
Cuts the link from one workload to one Service, though both are well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from drillyard.faults.link import Link
from drillyard.yard.control.client import LinkAnswer

_ERRORS = {"refuse": "refused", "reset": "reset", "stall": "silence"}
_TEXTS = {
    "refuse": "connections are refused",
    "reset": "connections are reset",
    "stall": "connections stall, and nobody is told",
}


@dataclass(frozen=True, kw_only=True)
class CutLink(Link):
    """
    Nothing gets over the link any more: `how` is refuse (ECONNREFUSED), reset (ECONNRESET) or stall (silence).

    A capability of the yard. Open connections end too. Proven by a request over that very link.
    """

    how: Literal["refuse", "reset", "stall"] = "refuse"

    def impairment(self) -> dict[str, Any]:
        return {self.how: True}

    def hit(self, answer: LinkAnswer) -> bool:
        return answer.error == _ERRORS[self.how]

    def describe(self) -> str:
        return f"on the link {self.client} → {self.service} {_TEXTS[self.how]}{self._part}"
