"""
Connections to the yard's PostgreSQL servers from this machine, as the jobs of some other team make them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import asyncpg

from drillyard.yard.control.hold import HoldRefused
from drillyard.yard.stores.postgres import ROLE, ROLE_PASSWORD, SUPERUSER, SUPERUSER_PASSWORD

APPLICATION = "stocktake"
"""What `pg_stat_activity` shows: a job that somebody runs, and no hint at a drill."""
_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Stores:
    """`addresses` gives where this machine reaches each Service: `sock-shop/catalogue-db:5432` → `127.0.0.1:N`."""

    addresses: Callable[[], Mapping[str, str]]

    async def connect(self, store: str, database: str, *, superuser: bool) -> asyncpg.Connection:
        """Raises HoldRefused for a store that there is not, asyncpg's errors and OSError when it does not answer."""
        address = self.addresses().get(f"sock-shop/{store}:5432")
        if address is None:
            raise HoldRefused(f"There is no store {store} in this yard.")
        host, _, port = address.rpartition(":")
        connecting = asyncio.ensure_future(
            asyncpg.connect(
                host=host,
                port=int(port),
                user=SUPERUSER if superuser else ROLE,
                password=SUPERUSER_PASSWORD if superuser else ROLE_PASSWORD,
                database=database,
                timeout=_TIMEOUT_S,
                server_settings={"application_name": APPLICATION},
            )
        )
        try:
            return await asyncio.shield(connecting)
        except asyncio.CancelledError:
            # A handshake that is cancelled halfway would leave a future behind that nobody asks.
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                (await connecting).terminate()
            raise
