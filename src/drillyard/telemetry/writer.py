"""
One writer for a store, so that many small requests share one commit.

`add` returns after the commit, which is what lets the intake answer 202: from then on the records survive a crash.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.logs.store import RecordStore

BATCH_MAX = 5_000
"""Records in one commit; the rest waits for the next."""


class GroupWriter:
    """While one batch is being committed, the next fills."""

    def __init__(self, store: RecordStore, threads: ThreadPoolExecutor) -> None:
        self._store = store
        self._threads = threads
        self._waiting: list[tuple[Sequence[Record], asyncio.Future[None]]] = []
        self._working: asyncio.Task[None] | None = None

    async def add(self, records: Sequence[Record]) -> None:
        """Returns once the records are on the disk. Raises what the store raises."""
        if not records:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((records, done))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._write())
        # Shielded: a client that hangs up must not take the commit of the others with it.
        await asyncio.shield(done)

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = self._take()
            records = [record for part, _ in batch for record in part]
            try:
                await loop.run_in_executor(self._threads, self._store.add, records)
            except Exception as error:
                self._finish(batch, error)
            else:
                self._finish(batch, None)

    def _take(self) -> list[tuple[Sequence[Record], asyncio.Future[None]]]:
        size, count = 0, 0
        for records, _ in self._waiting:
            size += len(records)
            count += 1
            if size >= BATCH_MAX:
                break
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    @staticmethod
    def _finish(batch: list[tuple[Sequence[Record], asyncio.Future[None]]], error: Exception | None) -> None:
        for _, done in batch:
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
                done.exception()  # Marked as seen: its client may have hung up.
