"""
Publisher confirms: which publishes are settled, told in as few frames as possible.

`multiple` covers every earlier tag that is not answered yet, so it is used only up to the oldest one still open.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    tag: int
    multiple: bool
    accepted: bool


class Confirms:
    """Tags count from 1 in the order of publishing (https://www.rabbitmq.com/docs/confirms)."""

    def __init__(self) -> None:
        self._last = 0
        self._open: dict[int, None] = {}
        self._acked: list[int] = []
        self._nacked: list[int] = []

    @property
    def waiting(self) -> int:
        """Publishes that are not answered yet."""
        return len(self._open) + len(self._acked) + len(self._nacked)

    def next_tag(self) -> int:
        self._last += 1
        self._open[self._last] = None
        return self._last

    def settle(self, tag: int, accepted: bool) -> None:
        if self._open.pop(tag, 0) is None:
            (self._acked if accepted else self._nacked).append(tag)

    def take_answers(self) -> list[Answer]:
        """What can be told now; refusals first, because a later `multiple` would cover them."""
        answers = [Answer(tag, False, False) for tag in self._nacked]
        oldest_open = next(iter(self._open), self._last + 1)
        self._acked.sort()
        together = [tag for tag in self._acked if tag < oldest_open]
        if together:
            answers.append(Answer(together[-1], len(together) > 1, True))
        answers += [Answer(tag, False, True) for tag in self._acked[len(together) :]]
        self._acked.clear()
        self._nacked.clear()
        return answers
