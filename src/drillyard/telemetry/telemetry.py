"""
Everything the API reads and writes, opened and closed together.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from drillyard.base.clock import Clock
from drillyard.telemetry.checks import Checks
from drillyard.telemetry.containers import Containers
from drillyard.telemetry.incidents.book import IncidentBook
from drillyard.telemetry.logs.store import RECORDS_MAX, SqliteStore
from drillyard.telemetry.metrics.store import MetricStore
from drillyard.telemetry.monitors.answer import Oracle
from drillyard.telemetry.monitors.book import MonitorBook
from drillyard.telemetry.monitors.downtimes import DowntimeBook
from drillyard.telemetry.monitors.evaluator import Evaluator
from drillyard.telemetry.pipelines.book import PipelineBook
from drillyard.telemetry.readers import Readers
from drillyard.telemetry.shelf import Shelf
from drillyard.telemetry.writer import GroupWriter

Answer = TypeVar("Answer")


class Telemetry:
    """Logs, spans, events, metrics, pipelines, monitors, incidents, what people keep. Must be closed."""

    def __init__(self, folder: Path, clock: Clock, records_max: int = RECORDS_MAX) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.clock = clock
        self.logs = SqliteStore(folder / "logs.db", records_max)
        self.spans = SqliteStore(folder / "spans.db", records_max)
        self.events = SqliteStore(folder / "events.db", records_max)
        self.pipelines = PipelineBook(folder / "pipelines.json")
        self.checks = Checks()
        self.monitors = MonitorBook(folder / "monitors.json")
        self.downtimes = DowntimeBook(folder / "downtimes.json")
        self.incidents = IncidentBook(folder / "incidents.json")
        self.dashboards = Shelf(folder / "dashboards.json")
        self.notebooks = Shelf(folder / "notebooks.json")
        self.slos = Shelf(folder / "slos.json")
        self.containers = Containers(clock)
        self._readers = Readers()
        self._writers = ThreadPoolExecutor(1, "telemetry-write")
        self.log_writer = GroupWriter(self.logs.add, self._writers)
        self.metrics = MetricStore(folder / "metrics.db")
        self.metric_writer = GroupWriter(self.metrics.add, self._writers)
        self.span_writer = GroupWriter(self.spans.add, self._writers)
        self.event_writer = GroupWriter(self.events.add, self._writers)

    def evaluator(self) -> Evaluator:
        """What asks the monitors."""
        oracle = Oracle(self.metrics.series, self.logs, self.events, self.checks)
        return Evaluator(self.monitors, self.downtimes, oracle, self.read, self.event_writer.add, self.clock)

    def now_ms(self) -> int:
        """The time, in Unix milliseconds."""
        return int(self.clock.now().timestamp() * 1000)

    async def read(self, question: Callable[[], Answer]) -> Answer:
        """Asks a store in another thread, so that the loop goes on. The question may be asked twice."""
        return await self._readers.ask(question)

    def close(self) -> None:
        """Waits for running commits, ends running searches, then closes the files."""
        stores = (self.logs, self.spans, self.events)
        for store in stores:
            store.abort_searches()
        self._writers.shutdown()
        self._readers.close()
        for store in stores:
            store.close()
        self.metrics.close()
