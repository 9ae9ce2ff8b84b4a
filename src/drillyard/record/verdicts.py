"""
What may be said of a drill, and how single checks add up to it.

A drill promises something (the fault was on, nothing was lost, the shop is whole again). Each promise is one Check; the
worst one is the verdict. A check that crashed, or could not be made, is UNCLEAR and never a pass; a drill that checked
nothing is UNCLEAR too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from drillyard.base.errors import DrillyardError


class Outcome(Enum):
    """KEPT < UNCLEAR < BROKEN < INVALID: the further right, the worse. INVALID means that the yard itself failed."""

    KEPT = "kept"
    UNCLEAR = "unclear"
    BROKEN = "broken"
    INVALID = "invalid"

    @property
    def exit_code(self) -> int:
        """The process exit code: 0 kept, 1 broken, 3 unclear, 70 invalid (2 is left to bad usage)."""
        return _EXIT_CODES[self]

    @property
    def severity(self) -> int:
        """0 for KEPT up to 3 for INVALID."""
        return list(Outcome).index(self)


_EXIT_CODES = {Outcome.KEPT: 0, Outcome.BROKEN: 1, Outcome.UNCLEAR: 3, Outcome.INVALID: 70}


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The worst of them; UNCLEAR when there are none, because nothing was checked."""
    return max(outcomes, key=lambda outcome: outcome.severity, default=Outcome.UNCLEAR)


@dataclass(frozen=True)
class Check:
    """One promise held against what was seen. `claim` is a sentence; `expected` and `seen` are short texts."""

    name: str
    outcome: Outcome
    claim: str
    expected: str
    seen: str

    def to_json(self) -> dict[str, str]:
        return {
            "name": self.name,
            "outcome": self.outcome.value,
            "claim": self.claim,
            "expected": self.expected,
            "seen": self.seen,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Check:
        """Raises KeyError or ValueError when `data` is not a check."""
        return cls(
            name=str(data["name"]),
            outcome=Outcome(data["outcome"]),
            claim=str(data["claim"]),
            expected=str(data["expected"]),
            seen=str(data["seen"]),
        )


@dataclass(frozen=True)
class Verdict:
    """What is said of the whole drill, in one word and one sentence, with the checks that it rests on."""

    outcome: Outcome
    reason: str
    checks: tuple[Check, ...] = ()

    @classmethod
    def of(cls, checks: Iterable[Check], *, reason: str | None = None) -> Verdict:
        """The worst of the checks. `reason` replaces the sentence that is otherwise made from the deciding checks."""
        all_checks = tuple(checks)
        outcome = worst(check.outcome for check in all_checks)
        return cls(outcome, reason or _reason(outcome, all_checks), all_checks)

    @property
    def exit_code(self) -> int:
        return self.outcome.exit_code


def _reason(outcome: Outcome, checks: tuple[Check, ...]) -> str:
    if not checks:
        return "Nothing was checked."
    if outcome is Outcome.KEPT:
        return f"All {len(checks)} checks were kept." if len(checks) > 1 else "The only check was kept."
    deciding = [check for check in checks if check.outcome is outcome]
    first = deciding[0]
    rest = f" (and {len(deciding) - 1} more)" if len(deciding) > 1 else ""
    return f"{first.claim.rstrip('.')}: expected {first.expected}, seen {first.seen}{rest}."


Look = Callable[[], tuple[bool | None, object]]
"""Looks at something: (True kept, False broken, None cannot tell; what was seen)."""

LookLater = Callable[[], Awaitable[tuple[bool | None, object]]]


def judge(name: str, claim: str, expected: object, look: Look) -> Check:
    """Makes a check of a look; a look that raises gives UNCLEAR with the error as what was seen."""
    try:
        kept, seen = look()
    except Exception as error:
        return _crashed(name, claim, expected, error)
    return Check(name, _outcome(kept), claim, str(expected), str(seen))


async def judge_later(name: str, claim: str, expected: object, look: LookLater) -> Check:
    """As `judge`, for a look that has to wait."""
    try:
        kept, seen = await look()
    except Exception as error:
        return _crashed(name, claim, expected, error)
    return Check(name, _outcome(kept), claim, str(expected), str(seen))


def _outcome(kept: bool | None) -> Outcome:
    if kept is None:
        return Outcome.UNCLEAR
    return Outcome.KEPT if kept else Outcome.BROKEN


def _crashed(name: str, claim: str, expected: object, error: Exception) -> Check:
    if isinstance(error, DrillyardError):
        seen = f"the check could not be made: {error.message.removesuffix('.')}"
    else:
        seen = f"the check failed: {type(error).__name__}: {str(error).partition(chr(10))[0]}".rstrip(": ")
    return Check(name, Outcome.UNCLEAR, claim, str(expected), seen)
