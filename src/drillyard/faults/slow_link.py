"""
Slows the link from one workload to one Service: every answer on it waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from drillyard.base.errors import DrillyardError
from drillyard.faults.fault import Proof
from drillyard.yard.yard import Yard

_HEALED_SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class SlowLink:
    """
    Each answer from `service` to `client` (both `namespace/name`) waits `latency_ms` ± `jitter_ms`; `share`: of links.

    With the client `*` everybody waits: a slow store is a slow link to it. A capability of the yard; packet loss cannot
    be made in user space, and is not offered. Proven from behind the caller: `probe_path` of `probe_service`, which
    needs that link, takes at least the latency.
    """

    client: str
    service: str
    latency_ms: int
    jitter_ms: int = 0
    share: float = 1.0
    seed: int = 0
    port: int | None = None
    probe_service: str
    probe_path: str = "/health"

    async def prepare(self, yard: Yard) -> Self:
        if not self.latency_ms - self.jitter_ms >= 1:
            raise DrillyardError(f"A link with {self.latency_ms} ms and a jitter of {self.jitter_ms} ms is not slow.")
        if self._name in await yard.control.links():
            raise DrillyardError(f"The link {self.client} → {self.service} is already slow.")
        return self

    async def put_in(self, yard: Yard) -> None:
        wish = {"client": self.client, "service": self.service, "port": self.port, "latency_ms": self.latency_ms}
        more = {"jitter_ms": self.jitter_ms, "share": self.share, "seed": self.seed}
        await yard.control.set_link(self._name, wish | more)

    async def is_on(self, yard: Yard) -> Proof:
        took_ms = await self._probe_ms(yard)
        return Proof(
            took_ms >= self.latency_ms - self.jitter_ms,
            f"{self.probe_service}{self.probe_path} took {took_ms:.0f} ms",
        )

    async def heal(self, yard: Yard) -> None:
        await yard.control.clear_link(self._name)

    async def is_healed(self, yard: Yard) -> Proof:
        took_ms = await self._probe_ms(yard)
        gone = self._name not in await yard.control.links()
        holds = gone and took_ms < max(50, self.latency_ms * _HEALED_SHARE)
        return Proof(holds, f"{self.probe_service}{self.probe_path} took {took_ms:.0f} ms")

    def touches(self) -> frozenset[str]:
        return frozenset({f"the link {self.client} → {self.service}"})

    def describe(self) -> str:
        jitter = f" ± {self.jitter_ms} ms" if self.jitter_ms else ""
        return f"answers on the link {self.client} → {self.service} wait {self.latency_ms} ms{jitter}"

    @property
    def _name(self) -> str:
        return f"slow {self.client} {self.service}".replace("/", ".")

    async def _probe_ms(self, yard: Yard) -> float:
        return (await yard.look(self.probe_service, self.probe_path)).took_s * 1000
