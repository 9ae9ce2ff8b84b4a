"""
Locks a table against everybody, readers too, again and again: whoever reads it waits for a while, and gets his answer.

LOCK TABLE … IN ACCESS EXCLUSIVE MODE (https://www.postgresql.org/docs/current/explicit-locking.html) is the one mode
that conflicts with a plain SELECT. A READ lock, as one of the documents has it, would hold up nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg

from drillyard.yard.control.hold import name, whole
from drillyard.yard.control.stores import Stores

_RETRY_S = 0.5


class TableLock:
    """Holds the lock for `hold_ms`, lets go for `free_ms`, and so on."""

    def __init__(self, stores: Stores, data: Mapping[str, Any]) -> None:
        """Raises HoldRefused."""
        self._stores = stores
        self._store, self._database, self._table = name(data, "store"), name(data, "database"), name(data, "table")
        self._hold_s = whole(data, "hold_ms", least=1, most=60_000) / 1000
        self._free_s = whole(data, "free_ms", least=1, most=60_000) / 1000
        self._cycles = 0
        self._held = False

    async def run(self) -> None:
        while True:
            try:
                connection = await self._stores.connect(self._store, self._database, superuser=True)
                try:
                    await self._cycle(connection)
                finally:
                    self._held = False
                    await _end(connection)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                # The store is away: it may have been restarted, and is locked again when it is back.
                await asyncio.sleep(_RETRY_S)

    async def _cycle(self, connection: asyncpg.Connection) -> None:
        while True:
            async with connection.transaction():
                await connection.execute(f'LOCK TABLE "{self._table}" IN ACCESS EXCLUSIVE MODE')
                self._held = True
                self._cycles += 1
                await asyncio.sleep(self._hold_s)
            self._held = False
            await asyncio.sleep(self._free_s)

    def report(self) -> dict[str, Any]:
        return {"on": self._cycles > 0, "held": self._held, "cycles": self._cycles}


async def _end(connection: asyncpg.Connection) -> None:
    """Closes at once: with the connection the server drops the transaction and its lock."""
    connection.terminate()
    await asyncio.sleep(0)
