"""
Makes the bank, a third party, misbehave in one of its own ways: slow, failing, rate limiting, hanging up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from drillyard.bank.behaviour import Behaviour
from drillyard.base.errors import DrillyardError
from drillyard.faults.fault import Proof
from drillyard.yard.yard import Yard


@dataclass(frozen=True, kw_only=True)
class BankBehaviour:
    """
    Switches the bank to a way of misbehaving (`drillyard.bank.behaviour`): `mode`, `share` of the requests, `delay_s`.

    What is called "before capture" takes no money; "after capture" takes it and loses the answer. The same `seed`
    strikes the same requests. The bank itself says what is on, and how many requests it has struck.
    """

    mode: str
    share: float = 1.0
    delay_s: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        Behaviour.from_json(self._wanted())

    async def prepare(self, yard: Yard) -> Self:
        on = await yard.bank.behaviour()
        if on["mode"] != "none":
            raise DrillyardError(f"The bank already misbehaves ({on['mode']}).", hint="`drill heal` ends it.")
        return self

    async def put_in(self, yard: Yard) -> None:
        await yard.bank.behave(self._wanted())

    async def is_on(self, yard: Yard) -> Proof:
        on = await yard.bank.behaviour()
        holds = all(on[key] == value for key, value in self._wanted().items())
        return Proof(holds, f"the bank says: {on['mode']}, {on['struck']} of {on['seen']} request(s) struck")

    async def heal(self, yard: Yard) -> None:
        await yard.bank.behave_well()

    async def is_healed(self, yard: Yard) -> Proof:
        mode = (await yard.bank.behaviour())["mode"]
        return Proof(mode == "none", "the bank behaves well" if mode == "none" else f"the bank still says: {mode}")

    def touches(self) -> frozenset[str]:
        return frozenset({"the bank's behaviour"})

    def describe(self) -> str:
        share = "" if self.share == 1 else f" for {self.share:.0%} of the requests"
        delay = f" by {self.delay_s:g} s" if self.delay_s else ""
        return f"the bank misbehaves: {self.mode.replace('_', ' ')}{delay}{share}"

    def _wanted(self) -> dict[str, Any]:
        return {"mode": self.mode, "share": self.share, "delay_s": self.delay_s, "seed": self.seed}
