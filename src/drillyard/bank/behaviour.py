"""
Ways to misbehave: how a real gateway hurts its merchants, switched at run time.

They sit at the bank's edge, on the requests that ask a card for money, and are exact about the ledger: whatever is
called "before capture" leaves no trace in it, and whatever is called "after capture" happens when the charge is on
disk and only its answer is lost. So a request sent again under its idempotency key gets the true answer. They are
kept in memory: a bank that starts is well.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from drillyard.base.errors import DrillyardError

DELAY_MAX_S = 120.0

MODES = {
    "none": "answers at once",
    "slow_before_capture": "waits, then takes the money and answers",
    "slow_after_capture": "takes the money, then waits and answers",
    "error_before_capture": "answers 500 and takes nothing",
    "error_after_capture": "takes the money and answers 500",
    "rate_limit": "answers 429 and takes nothing",
    "hang_up_after_capture": "takes the money and closes the connection without an answer",
    "intermittent": "by turns at random, waits before it takes the money, or answers 500 and takes nothing",
}
_SLOW = ("slow_before_capture", "slow_after_capture", "intermittent")


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """A mode, the share of requests that it strikes (0 to 1), its wait in seconds, and the seed of its choices."""

    mode: str = "none"
    share: float = 1.0
    delay_s: float = 0.0
    seed: int = 0

    @classmethod
    def from_json(cls, data: object) -> Behaviour:
        """Raises DrillyardError with one sentence that names the key, the value and what would fit."""
        if not isinstance(data, Mapping):
            raise DrillyardError('The body must be a JSON object such as {"mode": "rate_limit"}.')
        for name in data:
            if name not in cls.__dataclass_fields__:
                raise DrillyardError(f"Unknown key {str(name)[:80]!r}; known are mode, share, delay_s and seed.")
        mode = data.get("mode")
        if not isinstance(mode, str) or mode not in MODES:
            raise DrillyardError(f"mode is {str(mode)[:80]!r}; it must be one of {', '.join(MODES)}.")
        share = _number(data, "share", default=1.0, most=1.0)
        delay_s = _number(data, "delay_s", default=0.0, most=DELAY_MAX_S)
        if mode in _SLOW and delay_s == 0:
            raise DrillyardError(f"mode {mode} needs a delay_s above 0.")
        seed = data.get("seed", 0)
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise DrillyardError(f"seed is {str(seed)[:80]!r}; it must be a whole number.")
        return cls(mode=mode, share=share, delay_s=delay_s, seed=seed)


@dataclass(frozen=True)
class Plan:
    """What happens to one request, in the order of the fields; the money is taken between the second and the third."""

    wait_before_s: float = 0.0
    refuse: int | None = None
    """500 or 429, instead of taking the money."""
    wait_after_s: float = 0.0
    lose: str | None = None
    """How the answer is lost after the money was taken: "error" or "hang_up"."""


class Misbehaviour:
    """The behaviour that is on, its random choices, and how many requests it saw and struck since it was put in."""

    def __init__(self) -> None:
        self.put_in(Behaviour())

    def put_in(self, behaviour: Behaviour) -> None:
        """Replaces the behaviour; the same seed makes the same choices from here on."""
        self._behaviour = behaviour
        self._generator = random.Random(behaviour.seed)
        self._seen = 0
        self._struck = 0

    def heal(self) -> None:
        """Back to normal, for requests that begin from now on. Harmless twice."""
        self.put_in(Behaviour())

    def plan(self) -> Plan:
        """What the next request that asks for money will meet."""
        on = self._behaviour
        self._seen += 1
        chance, coin = self._generator.random(), self._generator.random()
        if on.mode == "none" or chance >= on.share:
            return Plan()
        self._struck += 1
        match on.mode:
            case "slow_before_capture":
                return Plan(wait_before_s=on.delay_s)
            case "slow_after_capture":
                return Plan(wait_after_s=on.delay_s)
            case "error_before_capture":
                return Plan(refuse=500)
            case "error_after_capture":
                return Plan(lose="error")
            case "rate_limit":
                return Plan(refuse=429)
            case "hang_up_after_capture":
                return Plan(lose="hang_up")
        assert on.mode == "intermittent"
        return Plan(wait_before_s=on.delay_s) if coin < 0.5 else Plan(refuse=500)

    def report(self) -> dict[str, Any]:
        """The behaviour and its counts, for the proof that it is on."""
        return asdict(self._behaviour) | {"seen": self._seen, "struck": self._struck}


def _number(data: Mapping[str, object], name: str, *, default: float, most: float) -> float:
    value = data.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise DrillyardError(f"{name} is {str(value)[:80]!r}; it must be a number from 0 to {most:g}.")
    return float(value)
