"""
From lines to the intake: in order, at once, and never lost between the two.

While the intake is away, payloads go to the disk buffer and follow, in order, when it is back. Only when a payload has
arrived or is on the disk do the files' offsets move on.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from drillyard.base.clock import Clock
from drillyard.telemetry.agent.copies import Copy, add_to_all
from drillyard.telemetry.agent.intake import Delivery, Intake
from drillyard.telemetry.agent.offsets import Offsets
from drillyard.telemetry.agent.spool import Spool
from drillyard.telemetry.agent.stats import Stats
from drillyard.telemetry.agent.tags import Origin
from drillyard.telemetry.agent.tail import Line

BATCH_LOGS = 900
BATCH_BYTES = 2_000_000
WAITING_MAX = 20_000
"""Lines read and not yet in a payload; beyond it nothing more is read."""
RETRY_FIRST_S = 0.25
RETRY_MOST_S = 5.0

OriginOf = Callable[[Line], Origin]
Waiting = tuple[Line, dict[str, Any] | None]
"""A line and what is sent of it: None where a rule excludes it, so that its file's offset moves on all the same."""


class Sender:
    """`run` sends what `put` brings."""

    def __init__(
        self,
        intake: Intake,
        logs_url: str,
        hostname: str,
        spool: Spool,
        offsets: Offsets,
        stats: Stats,
        clock: Clock,
        copies: Sequence[Copy] = (),
    ) -> None:
        self._intake = intake
        self._url = f"{logs_url}/api/v2/logs"
        self._hostname = hostname
        self._spool = spool
        self._offsets = offsets
        self._stats = stats
        self._clock = clock
        self._copies = copies
        self._waiting: list[Waiting] = []
        self._work = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether reading should wait."""
        return len(self._waiting) >= WAITING_MAX

    def put(self, line: Line, origin: Origin) -> None:
        """Takes a line over; it will arrive, or stay behind the file's offset."""
        self._work.set()
        text = origin.rules.apply(line.text)
        if text is None:
            self._waiting.append((line, None))
            return
        self._stats.logs_processed += 1
        self._stats.logs_truncated += line.truncated
        log = {
            "message": text,
            "status": "error" if line.stream == "stderr" else "info",
            "timestamp": line.timestamp_us // 1000,
            "hostname": self._hostname,
            "service": origin.service,
            "ddsource": origin.source,
            "ddtags": ",".join(origin.tags),
        }
        self._waiting.append((line, log))

    async def run(self) -> None:
        """Sends for ever."""
        retry_s = 0.0
        while True:
            if self._spool.empty and not self._waiting:
                self._work.clear()
                await self._work.wait()
            if retry_s:
                await self._wait(retry_s)
            arrived = await self.send_once()
            retry_s = 0.0 if arrived else min(max(retry_s * 2, RETRY_FIRST_S), RETRY_MOST_S)

    async def send_once(self) -> bool:
        """The oldest payload first; False when the intake is away. New lines then go to the disk."""
        if not self._spool.empty:
            self.buffer()
            return await self._send_oldest()
        batch = self._take()
        if not batch:
            return True
        payload = _encode(batch)
        if payload is None:
            self._delivered(batch)
            return True
        delivery = await self._post(payload, sum(log is not None for _, log in batch))
        if delivery is Delivery.LATER and not self._kept(payload, batch):
            return False
        add_to_all(self._copies, payload)
        self._delivered(batch)
        if delivery is Delivery.LATER:
            self.buffer()
            return False
        return True

    async def _send_oldest(self) -> bool:
        payload = self._spool.oldest()
        logs = orjson.loads(gzip.decompress(payload))
        delivery = await self._post(payload, len(logs))
        if delivery is Delivery.LATER:
            return False
        self._spool.drop_oldest()
        return True

    def buffer(self) -> None:
        """Puts what waits on the disk, as far as there is room; what stays out stays behind the files' offsets."""
        while self._waiting and not self._spool.full:
            batch = self._take()
            payload = _encode(batch)
            if payload is not None:
                if not self._kept(payload, batch):
                    return
                add_to_all(self._copies, payload)
            self._delivered(batch)

    def _kept(self, payload: bytes, batch: list[Waiting]) -> bool:
        """Whether the payload lies in the disk buffer; on a full disk its lines wait here, and behind their offsets."""
        try:
            self._spool.add(payload)
        except OSError as refused:
            self._stats.disk_trouble = str(refused.strerror)
            self._waiting = [*batch, *self._waiting]
            return False
        return True

    async def _wait(self, retry_s: float) -> None:
        self._stats.retry_count += 1
        started_s = self._clock.monotonic_s()
        await self._clock.sleep(retry_s)
        self._stats.retry_time_spent_ms += round((self._clock.monotonic_s() - started_s) * 1000)

    async def _post(self, payload: bytes, logs: int) -> Delivery:
        delivery = await self._intake.post(self._url, payload, {"Content-Encoding": "gzip"})
        self._stats.trouble = self._intake.trouble
        if delivery is Delivery.DONE:
            self._stats.logs_sent += logs
            self._stats.encoded_bytes_sent += len(payload)
            self._stats.bytes_sent += int.from_bytes(payload[-4:], "little")  # gzip ends with the unpacked size.
        elif delivery is Delivery.NEVER:
            self._stats.logs_dropped += logs
        return delivery

    def _take(self) -> list[Waiting]:
        size, count = 0, 0
        for _, log in self._waiting[:BATCH_LOGS]:
            size += len(log["message"]) * 2 + len(log["ddtags"]) + 200 if log else 0
            if count and size > BATCH_BYTES:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    def _delivered(self, batch: list[Waiting]) -> None:
        for line, _ in batch:
            self._offsets.advance(line.file, line.head, line.end)
        try:
            self._offsets.save()
            self._stats.disk_trouble = ""
        except OSError as refused:  # Saved with the next batch; an agent that ends before sends these lines again.
            self._stats.disk_trouble = str(refused.strerror)


def _encode(batch: list[Waiting]) -> bytes | None:
    """
    By the moment of writing, so that of two pods' lines in one millisecond the earlier is also found first; None when
    nothing of the batch is to be sent.
    """
    logs = [log for line, log in sorted(batch, key=lambda one: one[0].timestamp_us) if log is not None]
    return gzip.compress(orjson.dumps(logs), compresslevel=3, mtime=0) if logs else None
