"""
One writer for a store, so that many small requests share one commit.

`add` returns after the commit, which is what lets the intake answer 202: from then on the items survive a crash.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")

BATCH_MAX = 5_000
"""Items in one commit; the rest waits for the next."""


class GroupWriter(Generic[Item]):
    """While one batch is being committed, the next fills."""

    def __init__(self, add: Callable[[Sequence[Item]], None], threads: ThreadPoolExecutor) -> None:
        self._add = add
        self._threads = threads
        self._waiting: list[tuple[Sequence[Item], asyncio.Future[None]]] = []
        self._working: asyncio.Task[None] | None = None

    async def add(self, items: Sequence[Item]) -> None:
        """Returns once the items are on the disk. Raises what the store raises."""
        if not items:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((items, done))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._write())
        # Shielded: a client that hangs up must not take the commit of the others with it.
        await asyncio.shield(done)

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch = self._take()
            items = [item for part, _ in batch for item in part]
            try:
                await loop.run_in_executor(self._threads, self._add, items)
            except Exception as error:
                self._finish(batch, error)
            else:
                self._finish(batch, None)

    def _take(self) -> list[tuple[Sequence[Item], asyncio.Future[None]]]:
        size, count = 0, 0
        for items, _ in self._waiting:
            size += len(items)
            count += 1
            if size >= BATCH_MAX:
                break
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    @staticmethod
    def _finish(batch: list[tuple[Sequence[Item], asyncio.Future[None]]], error: Exception | None) -> None:
        for _, done in batch:
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)
                done.exception()  # Marked as seen: its client may have hung up.
