"""
Addresses for pods, each in its turn: one that was just given back is the last to be given again.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Container

from drillyard.base.errors import DrillyardError
from drillyard.base.podnet import POD_NETWORK

_FIRST, _LAST = 2, 254  # .0 is the network, .1 the node.


class AddressPool:
    """10.244.0.2 to 10.244.0.254."""

    def __init__(self) -> None:
        self._next = _FIRST

    def take(self, used: Container[str]) -> str:
        """The next address that is not in use. Raises DrillyardError when all are."""
        for _ in range(_LAST - _FIRST + 1):
            address = str(ipaddress.IPv4Address(int(POD_NETWORK.network_address) + self._next))
            self._next = self._next + 1 if self._next < _LAST else _FIRST
            if address not in used:
                return address
        raise DrillyardError(f"All {_LAST - _FIRST + 1} pod addresses are in use.")
