"""
The stretches of loopback ports that a yard takes for itself, so that no two yards of this machine race for a port.

Yards of other users and other homes count too, so no file can say which stretch is taken. The first port of a stretch
is its claim: who holds it has the rest, and the kernel lets go of it with the process. One stretch is enough for about
a hundred pods, since every pod has a port for each Service; a fuller yard takes another one when it needs it.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

from drillyard.base.errors import DrillyardError
from drillyard.base.ports import LOOPBACK, ephemeral_range

_FIRST = 10_000
_SIZE = 2_000


@dataclass
class PortRange:
    """The first claimed stretch, and those of `another`. `release` gives all back; so does the end of the process."""

    ports: range
    _claims: list[socket.socket]

    def another(self) -> range:
        """Claims one more stretch. Raises DrillyardError when every stretch is taken."""
        ports, claim = _free_stretch(self.ports.start)
        self._claims.append(claim)
        return ports

    def release(self) -> None:
        for claim in self._claims:
            claim.close()


def claim(name: str) -> PortRange:
    """
    A free stretch below the kernel's own range; the same yard gets the same one where it can.

    Raises DrillyardError when every stretch is taken.
    """
    ports, holder = _free_stretch(sum(name.encode()))
    return PortRange(ports, [holder])


def _free_stretch(wish: int) -> tuple[range, socket.socket]:
    low, _ = ephemeral_range()
    starts = list(range(_FIRST, max(low - _SIZE, _FIRST) + 1, _SIZE))
    preferred = wish % len(starts)
    for start in starts[preferred:] + starts[:preferred]:
        holder = socket.socket()
        try:
            holder.bind((LOOPBACK, start))
        except OSError:
            holder.close()
            continue
        return range(start + 1, min(start + _SIZE, low)), holder
    raise DrillyardError(
        f"All {len(starts)} stretches of ports for yards are taken on this machine ({_FIRST} to {low}).",
        hint="Take another yard down first: `drill down --yard NAME`.",
    )
