"""What was written is read back; what was cut short or altered afterwards is noticed."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.base.errors import DrillyardError
from drillyard.record import Check, Outcome, Record, RecordWriter, Verdict, list_records

KEPT = Check("depth", Outcome.KEPT, "The queue is empty again", "0", "0")


def create(root: Path, clock: VirtualClock) -> RecordWriter:
    return RecordWriter.create(
        root, incident="incident-5", yard="demo", seed=42, clock=clock, versions={"drillyard": "1"}
    )


async def test_a_record_is_read_back_as_it_was_written(writer: RecordWriter, clock: VirtualClock) -> None:
    writer.phase("baseline")
    writer.note("canary", "A canary order reached SHIPPED.", order="6900953a", took_s=1.25)
    await clock.advance(12.5)
    writer.phase("hold")
    writer.sample("queue_depth", 3)
    writer.sample("queue_depth", None)
    writer.evidence("queue", {"messages": 3, "at": clock.now()})
    writer.evidence("events", "Scaled down replica set queue-master from 1 to 0")
    writer.ledger("shoppers", [{"order_id": "a"}, {"order_id": "b"}])
    writer.check(KEPT)
    writer.finish()

    record = Record.open(writer.path)

    assert record.manifest.incident == "incident-5"
    assert record.manifest.seed == 42
    assert record.manifest.command == "drill run incident-5 --seed 42"
    assert record.manifest.versions == {"drillyard": "0.1.0"}
    assert [(phase.name, phase.started_s, phase.ended_s) for phase in record.phases] == [
        ("baseline", 0.0, 12.5),
        ("hold", 12.5, 12.5),
    ]
    canary = next(entry for entry in record.entries if entry.kind == "canary")
    assert (canary.phase, canary.data) == ("baseline", {"order": "6900953a", "took_s": 1.25})
    assert [sample.value for sample in record.samples["queue_depth"]] == [3.0, None]
    assert record.samples["queue_depth"][0].t_s == 12.5
    assert record.evidence("queue") == {"messages": 3, "at": "2025-11-05T20:00:12.500Z"}
    assert record.evidence("events") == "Scaled down replica set queue-master from 1 to 0"
    assert record.ledger("shoppers") == [{"order_id": "a"}, {"order_id": "b"}]
    assert record.evidence("absent") is None
    assert record.ledger("absent") is None
    assert record.evidence_names == ("events", "queue")
    assert record.ledger_names == ("shoppers",)
    assert record.verdict == Verdict(Outcome.KEPT, "The only check was kept.", (KEPT,))
    assert record.altered_files() == ()


def test_the_folder_is_named_by_utc_and_incident(writer: RecordWriter) -> None:
    assert writer.path.name == "2025-11-05T20-00-00Z-incident-5"


def test_two_records_of_the_same_second_get_two_folders(tmp_path: Path, clock: VirtualClock) -> None:
    names = []
    for _ in range(3):
        one = create(tmp_path, clock)
        one.close()
        names.append(one.path.name)

    assert names == [f"2025-11-05T20-00-00Z-incident-5{end}" for end in ("", "-2", "-3")]


def test_a_record_without_verdict_reads_as_unfinished(writer: RecordWriter) -> None:
    writer.phase("hold")
    writer.check(KEPT)

    record = Record.open(writer.path)

    assert not record.finished
    assert [phase.name for phase in record.phases] == ["hold"]
    assert record.verdict is None
    assert record.checks == (KEPT,)


def test_a_record_that_died_at_once_has_no_phases(writer: RecordWriter) -> None:
    record = Record.open(writer.path)

    assert (record.phases, record.checks, record.ended_s) == ((), (), 0.0)


@pytest.mark.parametrize("value", ["Infinity", "NaN", '"many"', "[]"])
def test_a_sample_that_is_no_number_is_refused(writer: RecordWriter, value: str) -> None:
    line = f'{{"at": "2025-11-05T20:00:00Z", "t_s": 1, "series": "queue_depth", "value": {value}}}\n'
    (writer.path / "samples.jsonl").write_text(line)

    with pytest.raises(DrillyardError, match=r"Line 1 of .*samples\.jsonl is damaged"):
        Record.open(writer.path)


def test_a_last_line_that_was_cut_off_is_left_out(writer: RecordWriter) -> None:
    writer.phase("hold")
    writer.note("order", "placed")
    journal = writer.path / "journal.jsonl"
    whole = journal.read_bytes()

    for cut in range(1, len(whole.split(b"\n")[1]) + 1):
        journal.write_bytes(whole[:-cut])
        assert [entry.text for entry in Record.open(writer.path).entries] == ["hold"]


def test_a_damaged_line_in_the_middle_is_refused_by_number(writer: RecordWriter) -> None:
    writer.note("a", "first")
    writer.note("b", "second")
    journal = writer.path / "journal.jsonl"
    journal.write_bytes(b'{"half":\n' + journal.read_bytes())

    with pytest.raises(DrillyardError, match=r"Line 1 of .*journal\.jsonl is damaged"):
        Record.open(writer.path)


def test_evidence_altered_afterwards_is_named(writer: RecordWriter) -> None:
    writer.evidence("queue", {"messages": 3})
    writer.ledger("bank", [])
    writer.check(KEPT)
    writer.finish()
    (writer.path / "evidence/queue.json").write_text('{"messages": 0}')
    (writer.path / "ledgers/bank.json").unlink()
    with (writer.path / "samples.jsonl").open("a") as samples:
        samples.write('{"at":"2025-11-05T20:00:00Z","t_s":1,"series":"queue_depth","value":0}\n')

    assert Record.open(writer.path).altered_files() == ("evidence/queue.json", "ledgers/bank.json", "samples.jsonl")


def test_the_verdict_is_the_worst_of_the_checks_noted(writer: RecordWriter) -> None:
    writer.check(KEPT)
    writer.check(Check("orders", Outcome.BROKEN, "Each order was shipped once", "5", "4"))

    assert writer.finish().outcome is Outcome.BROKEN
    verdict = Record.open(writer.path).verdict
    assert verdict is not None
    assert verdict.reason == "Each order was shipped once: expected 5, seen 4."


def test_a_sample_may_be_given_its_own_time(writer: RecordWriter) -> None:
    writer.sample("queue_depth", 2, at=datetime(2025, 11, 5, 20, 1, 1, tzinfo=UTC))

    assert Record.open(writer.path).samples["queue_depth"][0].t_s == 61.0


@pytest.mark.parametrize("name", ["", "../verdict", "a/b", "UPPER", "-x", "a" * 101])
def test_a_name_that_cannot_name_a_file_is_refused(writer: RecordWriter, name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a part"):
        writer.evidence(name, {})
    with pytest.raises(ValueError, match="cannot name a part"):
        writer.phase(name)


@pytest.mark.parametrize("manifest", ["", "[]", "{}", '{"format": 1}', '{"format": 99, "incident": "x"}', "\x00"])
def test_a_manifest_that_does_not_fit_is_one_sentence(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "manifest.json").write_text(manifest)

    with pytest.raises(DrillyardError):
        Record.open(tmp_path)


@pytest.mark.parametrize(
    "verdict", ["", "[]", "{}", '{"outcome": "splendid", "reason": "", "checks": [], "sha256": {}}']
)
def test_a_damaged_verdict_is_never_read_as_a_verdict(writer: RecordWriter, verdict: str) -> None:
    (writer.path / "verdict.json").write_text(verdict)

    with pytest.raises(DrillyardError, match="is damaged"):
        Record.open(writer.path)


def test_a_folder_that_is_no_record_says_so(tmp_path: Path) -> None:
    with pytest.raises(DrillyardError, match="is not a record"):
        Record.open(tmp_path / "nowhere")


def test_a_place_that_cannot_be_written_says_so(tmp_path: Path, clock: VirtualClock) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DrillyardError, match="Cannot write a record under"):
        create(tmp_path / "file", clock)


def test_a_write_that_fails_half_way_leaves_whole_lines(writer: RecordWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.note("a", "first")

    class FullDisk:
        """Takes ten bytes of each write, as a disk does that fills up."""

        def __init__(self, file: object) -> None:
            self.file = file
            self.name = file.name  # type: ignore[attr-defined]

        def write(self, line: bytes) -> int:
            return os.write(self.file.fileno(), line[:10])  # type: ignore[attr-defined]

        def fileno(self) -> int:
            return self.file.fileno()  # type: ignore[attr-defined,no-any-return]

    with monkeypatch.context() as patched:
        patched.setattr(writer, "_journal", FullDisk(writer._journal))
        with pytest.raises(DrillyardError, match="No space left"):
            writer.note("b", "second")
    writer.note("c", "third")

    assert [entry.text for entry in Record.open(writer.path).entries] == ["first", "third"]


def test_records_are_listed_newest_first_with_their_state(tmp_path: Path) -> None:
    start = datetime(2025, 11, 5, 20, tzinfo=UTC)
    kept, unfinished, damaged = (create(tmp_path, VirtualClock(start + timedelta(hours=hour))) for hour in range(3))
    kept.check(KEPT)
    kept.finish()
    unfinished.close()
    damaged.close()
    (damaged.path / "manifest.json").write_text("{")
    (tmp_path / "notes.txt").write_text("not a record")

    listed = list_records(tmp_path)

    assert [(one.path.name[:13], one.state) for one in listed] == [
        ("2025-11-05T21", "unfinished"),
        ("2025-11-05T20", "kept"),
        ("2025-11-05T22", "unreadable"),
    ]
    assert listed[2].problem is not None


def test_a_folder_that_does_not_exist_holds_no_records(tmp_path: Path) -> None:
    assert list_records(tmp_path / "none") == []


def test_the_journal_is_json_lines_in_utc(writer: RecordWriter) -> None:
    writer.note("order", "placed", cents=1999)

    line = json.loads((writer.path / "journal.jsonl").read_text())

    assert line == {
        "at": "2025-11-05T20:00:00.000Z",
        "t_s": 0.0,
        "phase": "",
        "kind": "order",
        "text": "placed",
        "data": {"cents": 1999},
    }
