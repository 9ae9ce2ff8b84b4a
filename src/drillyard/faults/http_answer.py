"""
Another HTTP answer than the service's own, before or after the service did the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from drillyard.faults.link import Link
from drillyard.yard.control.client import LinkAnswer

_TEXTS = {"reset": "the connection is closed", "silence": "no answer comes"}


@dataclass(frozen=True, kw_only=True)
class HttpAnswer(Link):
    """
    Requests over the link get `answer`: a status, "reset" (the connection is closed) or "silence".

    `when` is before (the service never sees the request) or after (it did the work, and nobody learns of it). A
    capability of the yard. Proven by a request over that very link; with `after`, `probe_path` must be harmless.
    """

    answer: int | Literal["reset", "silence"] = 503
    when: Literal["before", "after"] = "before"

    def impairment(self) -> dict[str, Any]:
        return {"http": {"when": self.when, "answer": self.answer}}

    def hit(self, answer: LinkAnswer) -> bool:
        return answer.status == self.answer if isinstance(self.answer, int) else answer.error == self.answer

    def describe(self) -> str:
        what = f"the answer is {self.answer}" if isinstance(self.answer, int) else _TEXTS[self.answer]
        where = f"to requests on the link {self.client} → {self.service}"
        return f"{where}, {what} {self.when} the service did the work{self._part}"
