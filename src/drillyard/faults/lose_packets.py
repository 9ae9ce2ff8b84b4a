"""
Packet loss, which cannot be put in truly where a link is carried in user space: refused with a sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from drillyard.base.errors import DrillyardError
from drillyard.faults.link import Link
from drillyard.yard.yard import Yard


@dataclass(frozen=True, kw_only=True)
class LosePackets(Link):
    """
    Always refused: TCP on loopback loses nothing, and what a lost packet looks like from above is delay.

    For the delay that a loss of 10 % makes, use `slow_link` with jitter and a share; for its end, `cut_link`.
    """

    loss: float = 0.1

    async def prepare(self, yard: Yard) -> NoReturn:
        raise DrillyardError(
            "Packet loss cannot be put in truly here: links are carried by a proxy in user space, where no packet can "
            "be lost.",
            hint="slow_link with a jitter and a share makes the delay that a loss makes; cut_link ends connections.",
        )

    def describe(self) -> str:
        return f"{self.loss:.0%} of the packets on the link {self.client} → {self.service} lost"
