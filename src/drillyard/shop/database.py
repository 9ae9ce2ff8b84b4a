"""
A service's PostgreSQL: a pool of a visible size, opened by need, whose failures have two names.

DatabaseUnavailable: the store is away, too slow, or its pool is used up. UnfitValue: it cannot hold what it was given
(text with a NUL, a number out of range). UniqueViolationError passes, because callers decide on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator

import asyncpg
from prometheus_client import CollectorRegistry, Gauge, Histogram

from drillyard.shop.store_errors import DatabaseUnavailable, UnfitValue

_CONNECT_TIMEOUT_S = 5
_PING_TIMEOUT_S = 0.8  # A probe of a kubelet gives up after a second.
_CLOSE_TIMEOUT_S = 0.5


class _PlainConnection(asyncpg.Connection):  # type: ignore[misc]
    """
    A connection that goes back to the pool as it is.

    asyncpg resets what a session may have set (RESET ALL, UNLISTEN …), which costs a round trip per use; the shop's
    statements set nothing. A transaction left open is still rolled back.
    """

    __slots__ = ()

    def get_reset_query(self) -> str:
        return ""


class Database:
    """
    One store of one service.

    Connections are made when first needed, so that the service starts while its store is away. A connection that died
    with its server is noticed before it is used: the event loop has read its end by then.
    """

    def __init__(
        self, url: str, *, service: str, pool_size: int, timeout_s: float, registry: CollectorRegistry
    ) -> None:
        self._name = f"{service}-db"
        self._timeout_s = timeout_s
        self._pool_options = {
            "dsn": url.replace("postgresql+asyncpg://", "postgresql://", 1),
            "min_size": 0,
            "max_size": pool_size,
            "max_inactive_connection_lifetime": 0,
            "timeout": _CONNECT_TIMEOUT_S,
            "command_timeout": timeout_s,
            "server_settings": {"application_name": service},
            "connection_class": _PlainConnection,
        }
        self._pool: asyncpg.Pool | None = None
        self._pings: set[asyncio.Task[bool]] = set()
        self._wait_s = Histogram(
            "db_pool_wait_seconds", "Time spent waiting for a connection of the pool.", registry=registry
        )
        Gauge("db_pool_size", "Connections the pool may open.", registry=registry).set(pool_size)
        self._asked = 0  # Those that have a connection or want one, while it is being opened too.
        in_use = Gauge("db_pool_in_use", "Connections of the pool that are in use.", registry=registry)
        in_use.set_function(lambda: min(self._asked, pool_size))
        waiting = Gauge("db_pool_waiting", "Requests that wait for a connection.", registry=registry)
        waiting.set_function(lambda: max(0, self._asked - pool_size))

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """
        A transaction, committed at the end of the block.

        Raises DatabaseUnavailable, UnfitValue, UniqueViolationError.
        """
        async with self.reading() as connection, connection.transaction():
            yield connection

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection that commits each statement: half the round trips. Raises as `transaction` does."""
        self._asked += 1
        try:
            pool = await self._opened()
            started_s = time.perf_counter()
            connection = await pool.acquire(timeout=self._timeout_s)
            self._wait_s.observe(time.perf_counter() - started_s)
            try:
                yield connection
            finally:
                await pool.release(connection, timeout=_CLOSE_TIMEOUT_S)
        except asyncpg.UniqueViolationError:
            raise
        except (asyncpg.DataError, asyncpg.PostgresError) as problem:
            if _is_about_a_value(problem):
                raise UnfitValue(f"{self._name} cannot hold this value: {_brief(problem)}") from problem
            raise DatabaseUnavailable(f"{self._name}: {_brief(problem)}") from problem
        except asyncpg.InterfaceError as problem:
            # The driver's own words name its methods; all that is known is that the connection is of no use any more.
            raise DatabaseUnavailable(f"{self._name}: the connection was lost") from problem
        except TimeoutError as problem:
            raise DatabaseUnavailable(f"{self._name} did not answer in time") from problem
        except OSError as problem:
            reason = os.strerror(problem.errno) if problem.errno and problem.errno > 0 else _brief(problem)
            raise DatabaseUnavailable(f"{self._name}: {reason}") from problem
        finally:
            self._asked -= 1

    async def answers(self) -> bool:
        """Whether the store answers a trivial query within the second that a probe has."""
        # Not a timeout around the query: closing the connection to a frozen server takes seconds more.
        ping = asyncio.create_task(self._ping())
        self._pings.add(ping)
        ping.add_done_callback(self._pings.discard)
        await asyncio.wait({ping}, timeout=_PING_TIMEOUT_S)
        if ping.done():
            return ping.result()
        ping.cancel()
        return False

    async def _ping(self) -> bool:
        try:
            async with self.reading() as connection:
                await connection.execute("SELECT 1")
        except DatabaseUnavailable:
            return False
        return True

    async def close(self) -> None:
        """Closes the pool; a server that does not answer is left behind."""
        if self._pool is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def _opened(self) -> asyncpg.Pool:
        """The pool, which belongs to the loop that first needs it and makes no connection before that."""
        if self._pool is None:
            self._pool = asyncpg.create_pool(**self._pool_options)
        return await self._pool  # At once when it is open: with no connection to make, opening waits for nothing.


def _is_about_a_value(problem: BaseException) -> bool:
    """SQLSTATE class 22 (data exception), or a value that the driver itself cannot encode."""
    return isinstance(problem, asyncpg.DataError) or (getattr(problem, "sqlstate", None) or "").startswith("22")


def _brief(problem: BaseException) -> str:
    """The first line of a driver's message; the name of the error where it has none."""
    return str(problem).splitlines()[0] if str(problem) else type(problem).__name__
