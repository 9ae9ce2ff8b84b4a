"""A drill that is killed in the middle of writing leaves a record that can be read."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from drillyard.record import Record, list_records

WRITER = """
import sys
from pathlib import Path
from drillyard.base.clock import SystemClock
from drillyard.record import RecordWriter
record = RecordWriter.create(Path(sys.argv[1]), incident="x", yard="y", seed=1, clock=SystemClock(), versions={})
record.phase("hold")
print(record.path, flush=True)
for number in range(10**9):
    record.note("order", "placed", number=number, ballast="x" * 200)
    record.sample("queue_depth", number)
    if number % 50 == 0:
        record.evidence("queue", {"number": number, "ballast": "x" * 5000})
        record.ledger("shoppers", [{"number": number}])
"""


def test_a_killed_writer_leaves_a_readable_unfinished_record(tmp_path: Path) -> None:
    for wait_s in (0.05, 0.11, 0.17, 0.23):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        with writer.stdout:
            path = Path(writer.stdout.readline().strip())
            time.sleep(wait_s)  # Not a wait for anything: the moment of the kill is what varies.
            writer.kill()
            writer.wait(5)

        record = Record.open(path)

        numbers = [entry.data["number"] for entry in record.entries if entry.kind == "order"]
        assert numbers == list(range(len(numbers)))
        assert len(numbers) > 10
        assert not record.finished
        for name in record.evidence_names:
            assert record.evidence(name)["number"] % 50 == 0
        assert len(record.ledger("shoppers") or []) == 1
    assert {summary.state for summary in list_records(tmp_path)} == {"unfinished"}
    assert not [name for name in os.listdir(tmp_path) if name.startswith(".")]
