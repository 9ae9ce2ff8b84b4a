"""
What the faults of a link share: whose link it is, and how it is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

from drillyard.base.errors import DrillyardError
from drillyard.faults.fault import Proof
from drillyard.yard.control.client import LinkAnswer
from drillyard.yard.yard import Yard


@dataclass(frozen=True, kw_only=True)
class Link:
    """
    The link from `client` (`namespace/workload`, or `host` for this machine) to `service` (`namespace/name`).

    Impaired for `share` of the connections (of the requests, for HTTP answers), drawn by `seed`. Looked at by a request
    for `probe_path` over that very link, a few times where it is impaired in part.
    """

    client: str
    service: str
    port: int | None = None
    share: float = 1.0
    seed: int = 0
    probe_path: str = "/health"
    PROBES: ClassVar[int] = 20

    def impairment(self) -> dict[str, Any]:
        """What `drillyard.cluster.network.link_fault.Impairment` is told."""
        raise NotImplementedError

    def hit(self, answer: LinkAnswer) -> bool:
        """Whether a request's fate shows the fault."""
        raise NotImplementedError

    async def prepare(self, yard: Yard) -> Self:
        """The link must be whole before: an effect that was there already would prove nothing."""
        if self._name in await yard.control.links():
            raise DrillyardError(f"The link {self.client} → {self.service} is impaired in this way already.")
        before = await self._probe(yard)
        if before.status is None or before.status >= 500 or self.hit(before):
            raise DrillyardError(
                f"{self.service}{self.probe_path} over the link of {self.client}: {before.text}; a fault could not be "
                "proven there.",
                hint="Name a probe_path that is answered, and heal what is broken.",
            )
        return self

    async def put_in(self, yard: Yard) -> None:
        where = {"client": self.client, "service": self.service, "port": self.port}
        await yard.control.set_link(self._name, {**where, "share": self.share, "seed": self.seed, **self.impairment()})

    async def is_on(self, yard: Yard) -> Proof:
        tries = 1 if self.share >= 1 else self.PROBES
        answers = [await self._probe(yard) for _ in range(tries)]
        hits = sum(self.hit(answer) for answer in answers)
        seen = answers[-1].text if tries == 1 else f"{hits} of {tries} requests hit"
        return Proof(hits > 0, f"{self.service}{self.probe_path} over the link of {self.client}: {seen}")

    async def heal(self, yard: Yard) -> None:
        await yard.control.clear_link(self._name)

    async def is_healed(self, yard: Yard) -> Proof:
        gone = self._name not in await yard.control.links()
        answer = await self._probe(yard)
        whole = answer.status is not None and answer.status < 500 and not self.hit(answer)
        return Proof(gone and whole, f"{self.service}{self.probe_path} over the link of {self.client}: {answer.text}")

    def touches(self) -> frozenset[str]:
        return frozenset({f"the link {self.client} → {self.service}"})

    @property
    def _part(self) -> str:
        """How much of it, for `describe`."""
        return "" if self.share >= 1 else f", {self.share:.0%} of them"

    @property
    def _name(self) -> str:
        kind = type(self).__name__.lower()
        return f"{kind} {self.client} {self.service}".replace("/", ".")

    async def _probe(self, yard: Yard) -> LinkAnswer:
        return await yard.control.probe(self.client, self.service, self.probe_path, port=self.port)
