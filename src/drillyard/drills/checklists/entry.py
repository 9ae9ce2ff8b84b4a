"""
One entry of a checklist, and what a look at the yard made of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from drillyard.record.verdicts import Outcome, judge_later
from drillyard.yard.yard import Yard

Seen = tuple[bool | None, str]
"""True: it holds; False: it does not; None: nothing can be said. And what was seen, in a few words."""

PLACE_AN_ORDER = (
    'curl -s -c jar -u user:password "$FRONT_END_URL/login" && curl -s -b jar -H "Content-Type: application/json" '
    """-d '{"id": "03fef6ac-1896-4ce8-bd69-b798f85c6e0b"}' "$FRONT_END_URL/cart" """
    '&& curl -s -b jar -X POST "$FRONT_END_URL/orders"'
)
"""What to type where an order is missing; `drill env` sets the address."""

WORDS = {Outcome.KEPT: "PASS", Outcome.BROKEN: "FAIL", Outcome.UNCLEAR: "UNKNOWN"}


@dataclass(frozen=True)
class Sight:
    """What an entry looks at. `since` is Datadog's time math; with `may_order` an entry may place an order."""

    yard: Yard
    since: str = "now-15m"
    may_order: bool = True

    @property
    def window(self) -> str:
        """`in the last 15m`"""
        return f"in the last {self.since.removeprefix('now-')}"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """`claim` is what the document expects; `look` sees whether it is so; `next` is what to type when it is not."""

    claim: str
    look: Callable[[Sight], Awaitable[Seen]]
    next: str


@dataclass(frozen=True)
class Answer:
    """PASS, FAIL or UNKNOWN. `next` is empty for a PASS."""

    word: str
    claim: str
    seen: str
    next: str


async def go_through(entries: Sequence[Entry], sight: Sight) -> list[Answer]:
    """Every entry in its order; a look that fails is UNKNOWN, with the error as what was seen."""
    answers = []
    for entry in entries:
        check = await judge_later("entry", entry.claim, "", partial(entry.look, sight))
        word = WORDS[check.outcome]
        answers.append(Answer(word, entry.claim, check.seen, "" if word == "PASS" else entry.next))
    return answers


def exit_code(answers: Sequence[Answer]) -> int:
    """0 all PASS, 1 at least one FAIL, 3 none of these, but something is UNKNOWN."""
    words = {answer.word for answer in answers}
    return 1 if "FAIL" in words else 3 if "UNKNOWN" in words or not words else 0
