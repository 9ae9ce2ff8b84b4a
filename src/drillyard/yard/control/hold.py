"""
A hold: something that is kept up for as long as it is wanted, by a task of the control plane.

It outlives the command that asked for it, and ends with the yard. A hold whose task died of something that will not
mend itself says so in its report, and is no longer on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Hold(Protocol):
    """One kind of hold."""

    async def run(self) -> None:
        """Keeps it up until cancelled, then lets go. Mends what can be mended."""

    def report(self) -> dict[str, Any]:
        """What is held now: `on`, and numbers that say how well."""


class HoldRefused(Exception):
    """The wish cannot be carried out; the text says why."""


def whole(data: Mapping[str, Any], key: str, *, least: int, most: int) -> int:
    """Raises HoldRefused."""
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise HoldRefused(f"{key} is {value!r}; it must be a whole number from {least} to {most}.")
    return value


def name(data: Mapping[str, Any], key: str) -> str:
    """A plain SQL or Service name. Raises HoldRefused."""
    value = data.get(key)
    if not isinstance(value, str) or not value.replace("_", "").replace("-", "").isalnum() or len(value) > 63:
        raise HoldRefused(f"{key} is {value!r}; it must be a plain name.")
    return value
