"""Drillyard's own store as a candidate: through the application, as clients use it, in one process."""

from __future__ import annotations

import asyncio
import gzip
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import orjson

from bench.log_lines import NOW_MS, SPACE_MS
from bench.log_questions import Question
from drillyard.base.clock import SystemClock
from drillyard.telemetry.api.app import build_app
from drillyard.telemetry.logs.aggregate import Compute, Group, aggregate, facet
from drillyard.telemetry.logs.query import parse
from drillyard.telemetry.logs.record_store import Window
from drillyard.telemetry.settings import Settings
from drillyard.telemetry.telemetry import Telemetry

BATCH = 900
SENDERS = 4
KEYS = {"DD-API-KEY": "api", "DD-APPLICATION-KEY": "app"}
AGGREGATE = "/api/v2/logs/analytics/aggregate"
SEARCH = "/api/v2/logs/events/search"
WINDOW = {"from": NOW_MS - SPACE_MS, "to": NOW_MS}


class Drillyard:
    """One telemetry in a folder, asked as by a client."""

    note = "gzipped posts of 900 lines, four at a time, each on the disk when acknowledged; through its own API"

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._telemetry = Telemetry(folder, SystemClock(), records_max=100_000_000)
        app = build_app(self._telemetry, Settings(folder, frozenset({"api"}), frozenset({"app"})))
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://t", headers=KEYS, timeout=60
        )

    def prepare(self, lines: list[dict[str, Any]]) -> list[bytes]:
        """The posts, as the agent packs them."""
        parts = [lines[start : start + BATCH] for start in range(0, len(lines), BATCH)]
        return [gzip.compress(orjson.dumps(part), compresslevel=3) for part in parts]

    def add(self, posts: Any) -> None:
        """All of them, SENDERS on their way at any time."""
        left = iter(posts)
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}

        async def send() -> None:
            for body in left:
                answer = await self._client.post("/api/v2/logs", content=body, headers=headers)
                answer.raise_for_status()

        async def all_senders() -> None:
            await asyncio.gather(*(send() for _ in range(SENDERS)))

        self._loop.run_until_complete(all_senders())

    def ready(self) -> None:
        """What is acknowledged can be found already."""

    def answer(self, question: Question) -> int | None:
        """Asked of the API; a refusal ends the bench."""
        asked: dict[str, Any] = {"filter": {"query": question.query} | WINDOW}
        if question.kind == "newest":
            asked |= {"sort": "-timestamp", "page": {"limit": 50}}
            return len(self._ask(SEARCH, asked)["data"])
        if question.kind == "minutes":
            asked["compute"] = [{"aggregation": "count", "type": "timeseries", "interval": "1m"}]
        if question.by:
            asked["group_by"] = [{"facet": name, "limit": 100} for name in question.by]
        buckets = self._ask(AGGREGATE, asked)["data"]["buckets"]
        if question.kind == "count":
            return int(buckets[0]["computes"]["c0"])
        return sum(len(bucket["computes"]["c0"]) for bucket in buckets) if question.kind == "minutes" else len(buckets)

    def answer_alone(self, question: Question) -> None:
        """Asked of the store itself, as the other candidates are: no HTTP, no JSON, no other thread."""
        store, tree = self._telemetry.logs, parse(question.query)
        window = Window(WINDOW["from"], WINDOW["to"])
        match question.kind:
            case "newest":
                list(islice(store.search(tree, window), 50))
            case "count":
                store.count(tree, window)
            case _:
                compute = Compute(interval_ms=60_000 if question.kind == "minutes" else None)
                groups = [Group(name, facet(name), limit=100) for name in question.by]
                aggregate(store, question.query, window, [compute], groups)

    def _ask(self, path: str, asked: dict[str, Any]) -> Any:
        answer = self._loop.run_until_complete(self._client.post(path, json=asked))
        return answer.raise_for_status().json()

    def close(self) -> None:
        """Ends it."""
        self._loop.run_until_complete(self._client.aclose())
        self._telemetry.close()
        self._loop.close()
