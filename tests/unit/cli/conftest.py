"""A telemetry of logs in a list, asked through the same methods as the real client, by the real query language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.telemetry.logs.aggregate import facet
from drillyard.telemetry.logs.query import matches, parse
from drillyard.telemetry.logs.query.matcher import values
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.times import iso, parse_time
from drillyard.yard.datadog import Found, Group


class FakeDatadog:
    """Answers from `records`; counts how often it was asked."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.records: list[Record] = []
        self.definitions: list[dict[str, Any]] = []
        self.names: list[str] = []
        self.kept_spans: list[tuple[str, dict[str, Any]]] = []
        self.tags: dict[str, list[str]] = {}
        self.asked = 0

    def say(self, service: str, message: str, *, status: str = "info", ago_s: float = 0, **tags: str) -> Record:
        """Stores a log of so many seconds ago."""
        at_ms = round((self.clock.now() - timedelta(seconds=ago_s)).timestamp() * 1000)
        record = Record(at_ms, message, service, status=status, tags=[f"{key}:{value}" for key, value in tags.items()])
        record.key = len(self.records) + 1
        self.records.append(record)
        return record

    async def logs(
        self, query: str, start: Any, end: Any, *, sort: str = "timestamp", limit: int | None = None
    ) -> Found:
        found = sorted(self._fitting(query, start, end), key=lambda one: one.timestamp_ms, reverse=sort[0] == "-")
        items = [
            {
                "id": str(one.key),
                "attributes": {
                    "timestamp": iso(one.timestamp_ms),
                    "status": one.status,
                    "service": one.service,
                    "message": one.message,
                    "tags": one.tags,
                    "attributes": one.attributes,
                },
            }
            for one in found[:limit]
        ]
        return Found(len(items), items)

    async def spans(self, query: str, start: Any, end: Any, *, limit: int) -> list[dict[str, Any]]:
        return [one for word, one in self.kept_spans if word in query][:limit]

    async def count(self, query: str, start: Any, end: Any) -> int:
        return len(self._fitting(query, start, end))

    async def groups(
        self, query: str, facets: Sequence[str], start: Any, end: Any, *, limit: int = 100, missing: str | None = None
    ) -> list[Group]:
        (name,) = facets
        counted: Counter[str] = Counter()
        for record in self._fitting(query, start, end):
            counted.update(values(facet(name), record))
        return [Group({name: value}, count) for value, count in counted.most_common(limit)]

    async def metric_names(self, since: datetime) -> list[str]:
        return self.names

    async def metric_tags(self, metric: str) -> list[str]:
        return self.tags[metric]

    async def pipelines(self) -> list[dict[str, Any]]:
        return list(self.definitions)

    async def create_pipeline(self, definition: dict[str, Any]) -> None:
        self.definitions.append({"id": f"p{len(self.definitions)}", "is_read_only": False} | definition)

    async def replace_pipeline(self, identity: str, definition: dict[str, Any]) -> None:
        self.definitions = [one | definition if one["id"] == identity else one for one in self.definitions]

    async def delete_pipeline(self, identity: str) -> None:
        self.definitions = [one for one in self.definitions if one["id"] != identity]

    def _fitting(self, query: str, start: Any, end: Any) -> list[Record]:
        self.asked += 1
        low, high, tree = self._ms(start), self._ms(end), parse(query)
        return [one for one in self.records if low <= one.timestamp_ms <= high and matches(tree, one)]

    def _ms(self, moment: Any) -> int:
        if isinstance(moment, datetime):
            return round(moment.timestamp() * 1000)
        return parse_time(moment, round(self.clock.now().timestamp() * 1000))


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(datetime(2025, 10, 28, 10, 4, 42, 603000, tzinfo=UTC))


@pytest.fixture
def datadog(clock: VirtualClock) -> FakeDatadog:
    return FakeDatadog(clock)


Say = Callable[..., Record]
