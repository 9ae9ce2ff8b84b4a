"""
Takes every connection slot of a store that an ordinary role can have, as a job that leaks connections does.

The slots that PostgreSQL reserves for superusers stay free, so that the on-call can still look. Connections of the
victim are ended, because one that it holds it would keep.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import asyncpg

from drillyard.yard.control.hold import name
from drillyard.yard.control.stores import Stores

_LOOK_S = 0.2
_SLOTS_MAX = 500
_END_OTHERS = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1"


class ConnectionSlots:
    """Keeps all slots taken, also those that become free, and none for `victim` (its application_name)."""

    def __init__(self, stores: Stores, data: Mapping[str, Any]) -> None:
        """Raises HoldRefused."""
        self._stores = stores
        self._store, self._database, self._victim = name(data, "store"), name(data, "database"), name(data, "victim")
        self._taken: list[asyncpg.Connection] = []
        self._full = False
        self._victims: int | None = None

    async def run(self) -> None:
        try:
            while True:
                try:
                    await self._fill()
                    await self._end_victims()
                    await self._fill()
                except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                    self._full = False
                await asyncio.sleep(_LOOK_S)
        finally:
            for connection in self._taken:
                connection.terminate()
            self._taken.clear()
            self._full = False

    async def _fill(self) -> None:
        """Connects until the server says that it has no more (SQLSTATE 53300)."""
        self._taken = [connection for connection in self._taken if not connection.is_closed()]
        while len(self._taken) < _SLOTS_MAX:
            try:
                self._taken.append(await self._stores.connect(self._store, self._database, superuser=False))
            except asyncpg.TooManyConnectionsError:
                self._full = True
                return
        self._full = False

    async def _end_victims(self) -> None:
        looking = await self._stores.connect(self._store, self._database, superuser=True)
        try:
            self._victims = int(await looking.fetchval(_END_OTHERS, self._victim))
        finally:
            with contextlib.suppress(asyncpg.PostgresError, OSError):
                await looking.close(timeout=1)

    def report(self) -> dict[str, Any]:
        return {"on": self._full and self._victims == 0, "taken": len(self._taken), "victims_ended": self._victims}
