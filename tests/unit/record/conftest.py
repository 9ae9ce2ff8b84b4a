from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.record import RecordWriter


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def writer(tmp_path: Path, clock: VirtualClock) -> Iterator[RecordWriter]:
    one = new_writer(tmp_path, clock)
    yield one
    one.close()


def new_writer(root: Path, clock: VirtualClock) -> RecordWriter:
    return RecordWriter.create(
        root, incident="incident-5", yard="demo", seed=42, clock=clock, versions={"drillyard": "0.1.0"}
    )
