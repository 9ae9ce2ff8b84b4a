"""
Counts of an incident file: a number, or one that depends on what the shoppers did in this drill.

`orders` is how many the shop accepted, `attempts` how many were tried, `refused` the difference; `attempts-3` is three
fewer, as where a queue takes three messages and no more.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

_FORM = re.compile(r"(orders|attempts|refused)(?:-([0-9]{1,4}))?")
Count = Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern=rf"^{_FORM.pattern}$")]


def resolve(count: int | str, *, attempts: int, accepted: int) -> int:
    """The number that a count stands for; never below 0."""
    if isinstance(count, int):
        return count
    match = _FORM.fullmatch(count)
    assert match is not None, "the schema admits no other text"
    known = {"orders": accepted, "attempts": attempts, "refused": attempts - accepted}
    return max(0, known[match[1]] - int(match[2] or 0))
