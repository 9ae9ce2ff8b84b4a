"""
A service's PostgreSQL: a pool of a visible size, opened by need, whose failures have two names.

DatabaseUnavailable: the store is away, too slow, or its pool is used up. UnfitValue: it cannot hold what it was given
(text with a NUL, a number out of range). IntegrityError passes, because callers decide on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator

import asyncpg
from prometheus_client import CollectorRegistry, Gauge, Histogram
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from drillyard.shop.store_errors import DatabaseUnavailable, UnfitValue

_CONNECT_TIMEOUT_S = 5
_PING_TIMEOUT_S = 0.8  # A probe of a kubelet gives up after a second.
_CLOSE_TIMEOUT_S = 0.5


class Database:
    """
    One store of one service.

    Connections are made when first needed, so that the service starts while its store is away. A connection that died
    with its server is noticed before it is used.
    """

    def __init__(
        self, url: str, *, service: str, pool_size: int, timeout_s: float, registry: CollectorRegistry
    ) -> None:
        self._name = f"{service}-db"
        self._engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=timeout_s,
            pool_pre_ping=True,
            connect_args={
                "timeout": _CONNECT_TIMEOUT_S,
                "command_timeout": timeout_s,
                "server_settings": {"application_name": service},
            },
        )
        self._reading = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._pings: set[asyncio.Task[bool]] = set()
        self._wait_s = Histogram(
            "db_pool_wait_seconds", "Time spent waiting for a connection of the pool.", registry=registry
        )
        Gauge("db_pool_size", "Connections the pool may open.", registry=registry).set(pool_size)
        in_use = Gauge("db_pool_in_use", "Connections of the pool that are in use.", registry=registry)
        in_use.set_function(self._in_use)
        self._waiting = Gauge("db_pool_waiting", "Requests that wait for a connection.", registry=registry)

    def _in_use(self) -> float:
        pool = self._engine.sync_engine.pool
        assert isinstance(pool, QueuePool)
        return float(pool.checkedout())

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed at the end of the block. Raises DatabaseUnavailable, UnfitValue, IntegrityError."""
        async with self._named_failures(), self._connection(self._engine) as connection, connection.begin():
            yield connection

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that commits each statement: half the round trips. Raises as `transaction` does."""
        async with self._named_failures(), self._connection(self._reading) as connection:
            yield connection

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
                await connection.execute(text("SELECT 1"))
        except DatabaseUnavailable:
            return False
        return True

    async def close(self) -> None:
        """Closes the pool; a server that does not answer is left behind."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._engine.dispose()

    @contextlib.asynccontextmanager
    async def _connection(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        started_s = time.perf_counter()
        async with contextlib.AsyncExitStack() as stack:
            with self._waiting.track_inprogress():
                connection = await stack.enter_async_context(engine.connect())
            self._wait_s.observe(time.perf_counter() - started_s)
            yield connection

    @contextlib.asynccontextmanager
    async def _named_failures(self) -> AsyncIterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as problem:
            if _is_about_a_value(problem):
                raise UnfitValue(f"{self._name} cannot hold this value: {_brief(problem.orig)}") from problem
            raise DatabaseUnavailable(f"{self._name}: {_brief(problem.orig)}") from problem
        except (PoolTimeout, TimeoutError) as problem:
            raise DatabaseUnavailable(f"{self._name} did not answer in time") from problem
        except OSError as problem:
            reason = os.strerror(problem.errno) if problem.errno and problem.errno > 0 else _brief(problem)
            raise DatabaseUnavailable(f"{self._name}: {reason}") from problem


def _is_about_a_value(problem: DBAPIError) -> bool:
    """SQLSTATE class 22 (data exception), or a value that the driver itself cannot encode."""
    state = getattr(problem.orig, "sqlstate", None) or ""
    return state.startswith("22") or isinstance(getattr(problem.orig, "__cause__", None), asyncpg.DataError)


def _brief(problem: BaseException | None) -> str:
    """The last part of a driver's message, without its class names."""
    text_of_it = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
    return text_of_it.rpartition(">: ")[2]
