"""
The truth about money: one SQLite database that survives any crash with every answered charge in it.

Each request is one transaction, committed with a flush to disk (WAL, synchronous=FULL) before it is answered. All
transactions run in one thread, one after the other, so none can see half of another. A lock on the folder keeps a
second bank away from it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from drillyard.base.errors import DrillyardError

Result = TypeVar("Result")

LOCK_WAIT_S = 5.0
"""How long a new bank waits for the one that is just ending."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS payment_intent (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    amount_cents INTEGER NOT NULL,
    amount_received_cents INTEGER NOT NULL DEFAULT 0,
    currency TEXT NOT NULL,
    status TEXT NOT NULL,
    capture_method TEXT NOT NULL,
    card TEXT,
    latest_charge TEXT,
    canceled_at INTEGER,
    cancellation_reason TEXT,
    description TEXT,
    client_secret TEXT NOT NULL,
    metadata TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS charge (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
    amount_captured_cents INTEGER NOT NULL DEFAULT 0 CHECK (amount_captured_cents BETWEEN 0 AND amount_cents),
    amount_refunded_cents INTEGER NOT NULL DEFAULT 0
        CHECK (amount_refunded_cents BETWEEN 0 AND amount_captured_cents),
    currency TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('succeeded', 'failed')),
    captured INTEGER NOT NULL,
    released INTEGER NOT NULL DEFAULT 0,
    payment_intent TEXT,
    card TEXT NOT NULL,
    failure_code TEXT,
    decline_code TEXT,
    failure_message TEXT,
    description TEXT,
    metadata TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS charge_of_intent ON charge (payment_intent);
CREATE TABLE IF NOT EXISTS refund (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    amount_cents INTEGER NOT NULL CHECK (amount_cents > 0),
    currency TEXT NOT NULL,
    charge TEXT NOT NULL,
    payment_intent TEXT,
    reason TEXT,
    metadata TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS refund_of_charge ON refund (charge);
CREATE TABLE IF NOT EXISTS idempotency_key (
    key TEXT PRIMARY KEY,
    path TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    request_id TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS idempotency_key_age ON idempotency_key (created);
"""


class Ledger:
    """The bank's database and the one thread that touches it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._lock: int | None = None

    async def open(self) -> None:
        """Locks the folder and opens the database. Raises DrillyardError when either cannot be had."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._open)
        except BaseException:
            self._thread.shutdown(wait=True)
            self._thread = None
            raise

    async def run(self, transaction: Callable[[sqlite3.Connection], Result]) -> Result:
        """
        Runs one transaction: committed to disk when it returns, undone when it raises.

        Raises whatever the transaction raises, and sqlite3.Error when the database itself fails (a full disk).
        """
        assert self._thread is not None, "the ledger is not open"
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, transaction)

    async def close(self) -> None:
        """Waits for the running transaction, closes the database, and gives the folder free. Harmless twice."""
        if self._thread is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
            self._thread.shutdown(wait=True)
            self._thread = None

    def _open(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = _lock(self._folder / "lock")
        except OSError as problem:
            raise DrillyardError(
                f"The bank cannot use its folder {self._folder}: {problem.strerror}.", hint="Set BANK_DATA to another."
            ) from problem
        try:
            connection = sqlite3.connect(self._folder / "ledger.sqlite3", isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(_SCHEMA)
        except sqlite3.Error as problem:
            os.close(self._lock)
            raise DrillyardError(
                f"The bank cannot open its ledger in {self._folder}: {problem}.",
                hint="If it is damaged, move the file away; a new one is made.",
            ) from problem
        self._connection = connection

    def _transact(self, transaction: Callable[[sqlite3.Connection], Result]) -> Result:
        connection = self._connection
        assert connection is not None, "the ledger is not open"
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = transaction(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _lock(path: Path) -> int:
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    deadline_s = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except BlockingIOError:
            if time.monotonic() > deadline_s:
                os.close(handle)
                raise DrillyardError(
                    f"Another bank holds the ledger in {path.parent}.", hint="Stop it, or set BANK_DATA to another."
                ) from None
            time.sleep(0.05)
