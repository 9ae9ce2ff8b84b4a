"""
The journal on disk: one SQLite file, one writer thread, group commit.

While one transaction is being synced, the next batch fills; its confirms go out when it is on disk, and not before. WAL
with synchronous=FULL survives kill -9 and a power cut. A commit that fails is final: whoever waits is told, and the
broker ends, because what it would confirm next could not be kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

from drillyard.base.errors import DrillyardError
from drillyard.broker.storage.journal import Batch, Recorder

FILE_NAME = "broker.db"
_LOCK_WAIT_S = 1.0


def open_database(folder: Path) -> sqlite3.Connection:
    """
    Opens or creates the file, for this process alone.

    Raises DrillyardError when the folder cannot be used or another broker has it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        database = sqlite3.connect(
            folder / FILE_NAME, isolation_level=None, check_same_thread=False, timeout=_LOCK_WAIT_S
        )
        # An exclusive lock, held until the end: two brokers on one file would each lose the other's messages.
        database.execute("PRAGMA locking_mode=EXCLUSIVE")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.executescript(resources.files(__package__).joinpath("schema.sql").read_text())
    except (OSError, sqlite3.Error) as error:
        raise DrillyardError(
            f"The broker cannot use its data folder {folder}: {error}.",
            hint="Set BROKER_DATA to a folder that it may write and that no other broker uses.",
        ) from error
    return database


class SqliteJournal(Recorder):
    """Commits in the background. `on_failure` is called once, in the loop, when a commit failed."""

    def __init__(self, database: sqlite3.Connection, on_failure: Callable[[Exception], None]) -> None:
        super().__init__()
        self.commits = 0
        self.rows_written = 0
        self._database = database
        self._on_failure = on_failure
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._committing: asyncio.Future[None] | None = None
        self._scheduled = False
        self.failed = False

    def changed(self) -> None:
        if self._committing is None and not self._scheduled and not self.failed:
            self._scheduled = True
            # At the end of this turn of the loop, so that everything one read brought in is one transaction.
            asyncio.get_running_loop().call_soon(self._submit)

    def _submit(self) -> None:
        self._scheduled = False
        if self._committing is not None or self.failed:
            return
        batch, self.filling = self.filling, Batch()
        if batch.empty:
            _tell(batch, True)
            return
        loop = asyncio.get_running_loop()
        self._committing = loop.run_in_executor(self._writer, self._apply, batch)
        self._committing.add_done_callback(lambda done: self._finished(batch, done))

    def _finished(self, batch: Batch, done: asyncio.Future[None]) -> None:
        self._committing = None
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self.failed = True
            _tell(batch, False)
            _tell(self.filling, False)
            self._on_failure(error if isinstance(error, Exception) else RuntimeError(str(error)))
            return
        self.commits += 1
        _tell(batch, True)
        if not self.filling.empty or self.filling.callbacks:
            self._submit()

    def _apply(self, batch: Batch) -> None:
        """In the writer thread: the whole batch or nothing."""
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            for statement, values in batch.statements:
                database.execute(statement, values)
            database.executemany("DELETE FROM messages WHERE queue_id = ? AND position = ?", batch.deleted)
            database.executemany(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        queue_id,
                        position,
                        entry.message.exchange,
                        entry.message.routing_key,
                        entry.expires_at_ms,
                        entry.delivered,
                        entry.message.properties,
                        entry.message.body,
                    )
                    for (queue_id, position), entry in batch.inserted.items()
                ),
            )
            database.executemany(
                "UPDATE messages SET delivered = 1 WHERE queue_id = ? AND position = ?", list(batch.delivered)
            )
            database.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            raise
        self.rows_written += len(batch.inserted) + len(batch.deleted) + len(batch.delivered)

    async def drain(self, timeout_s: float) -> None:
        """Commits what is left, for a clean stop; gives up after the limit."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while not self.failed and asyncio.get_running_loop().time() < deadline:
            self._submit()
            if self._committing is None:
                if self.filling.empty:
                    return
                continue
            with contextlib.suppress(TimeoutError, sqlite3.Error):
                async with asyncio.timeout_at(deadline):
                    await asyncio.shield(self._committing)

    def close(self) -> None:
        """After `drain`: ends the thread and the file."""
        self._writer.shutdown(wait=True)
        self._database.close()


def _tell(batch: Batch, committed: bool) -> None:
    for callback in batch.callbacks:
        callback(committed)
