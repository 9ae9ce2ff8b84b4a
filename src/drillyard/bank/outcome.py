"""
What an operation of the bank comes to: a status, a body, and the line that the log gets about it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """
    An answer whose effects the ledger keeps; a declined card (402) is one too.

    `event` is None where no money was asked for.
    """

    body: dict[str, Any]
    status: int = 200
    event: dict[str, str | int] | None = None
