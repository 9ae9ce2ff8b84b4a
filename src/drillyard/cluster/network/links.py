"""
The link faults of a yard that are in force, and which of them holds for an edge.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import fields, replace

from drillyard.cluster.network.link_fault import Impairment, LinkFault
from drillyard.cluster.network.topology import Client


class Links:
    """Set, list and clear link faults. They hold for links that come later too, until they are cleared."""

    def __init__(self, settle: Callable[[], Awaitable[None]]) -> None:
        self._settle = settle
        self._faults: dict[str, LinkFault] = {}

    async def set(self, fault: LinkFault) -> None:
        """Puts the fault in, in place of one with the same name; returns when it holds. Raises DrillyardError."""
        self._faults.pop(fault.name, None)
        self._faults[fault.name] = fault
        await self._settle()

    async def clear(self, name: str) -> None:
        """Takes it out; harmless when there is none. Raises DrillyardError when the proxy does not answer."""
        self._faults.pop(name, None)
        await self._settle()

    async def clear_all(self) -> None:
        self._faults.clear()
        await self._settle()

    def faults(self) -> list[LinkFault]:
        """Those in force, oldest first."""
        return list(self._faults.values())

    def on(self, client: Client, service: str, port: int) -> Impairment | None:
        """What is wrong on this edge: all faults that concern it, where two say different things the later one."""
        found: Impairment | None = None
        for fault in self._faults.values():
            if fault.concerns(client.names, service, port):
                found = fault.impairment if found is None else _merged(found, fault.impairment)
        return found


def _merged(earlier: Impairment, later: Impairment) -> Impairment:
    said = {field.name: value for field in fields(Impairment) if (value := getattr(later, field.name)) != field.default}
    return replace(earlier, **said)
