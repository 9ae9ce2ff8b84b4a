"""
The tables of the shop's four databases, and what they hold from the start.

Each database has an alembic environment of its own (https://alembic.sqlalchemy.org/): a folder here with its versions.
Migrating is safe to repeat and to do twice at a time: a lock in the database lets one through after the other. The
services themselves never import this.
"""

from __future__ import annotations

import asyncio
import re
import threading
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from drillyard.base.errors import DrillyardError
from drillyard.shop.settings import without_password

DATABASES = ("catalogue", "user", "carts", "orders")

_LOCK_KEY = 0x736F636B  # "sock"
_TIMEOUT_S = 30
_URL = r"postgresql\+asyncpg://[^\s/]+/\S+"

# alembic's `context` and `op` are module globals: one migration at a time in a process.
_one_at_a_time = threading.Lock()


def migrate(database: str, url: str) -> None:
    """
    Brings a database (`catalogue`, `user`, `carts`, `orders`) at a `postgresql+asyncpg://` URL to its newest version.

    The database itself must exist. Runs an event loop of its own: inside one, call it through asyncio.to_thread.
    Raises DrillyardError for an unknown name, or when the server cannot be reached or refuses.
    """
    if database not in DATABASES:
        raise DrillyardError(f"No database is called {database!r}.", hint=f"Use one of {', '.join(DATABASES)}.")
    if not re.fullmatch(_URL, url):
        raise DrillyardError(
            f"Cannot migrate {database} at {without_password(url)}: that is no URL of a PostgreSQL database.",
            hint="Use postgresql+asyncpg://user@host:port/database.",
        )
    try:
        with _one_at_a_time:
            asyncio.run(_migrate(database, url))
    except (OSError, TimeoutError, SQLAlchemyError, ValueError) as problem:
        cause = problem.orig if isinstance(problem, DBAPIError) else problem
        reason = str(cause).splitlines()[0].rpartition(">: ")[2] if str(cause) else type(cause).__name__
        raise DrillyardError(f"Cannot migrate {database} at {without_password(url)}: {reason}.") from problem


async def _migrate(database: str, url: str) -> None:
    engine = create_async_engine(
        url, poolclass=NullPool, connect_args={"timeout": _TIMEOUT_S, "command_timeout": _TIMEOUT_S}
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_KEY})"))
            await connection.run_sync(_upgrade, database)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, database: str) -> None:
    command.upgrade(config(database, connection), "head")


def config(database: str, connection: Connection) -> Config:
    """alembic's configuration for one environment, over an open connection."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent / database).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made
