"""A record whose writer was killed gets its end from whoever healed the yard."""

from __future__ import annotations

from pathlib import Path

from drillyard.base.clock import VirtualClock
from drillyard.record import Record, RecordWriter
from drillyard.record.abandoned import conclude
from drillyard.record.verdicts import Check, Outcome

HEALED = ["Healed: the bank misbehaves (the bank says: none)."]


def killed(root: Path, clock: VirtualClock) -> Path:
    """A record as kill -9 leaves it: checks noted, a phase begun, half a line."""
    writer = RecordWriter.create(root, incident="payment-500", yard="y", seed=1, clock=clock, versions={})
    writer.phase("baseline")
    writer.check(Check("canary", Outcome.KEPT, "A canary is shipped", "shipped", "shipped"))
    writer.phase("load")
    writer.close()
    with (writer.path / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"at": "2026-')
    return writer.path


async def test_it_says_who_healed_what_and_is_invalid(tmp_path: Path, clock: VirtualClock) -> None:
    path = killed(tmp_path, clock)
    await clock.advance(7)

    conclude(path, clock, by="the dead man's switch", lines=HEALED)

    record = Record.open(path)
    assert record.verdict is not None and record.verdict.outcome is Outcome.INVALID
    assert record.verdict.reason == (
        f"The drill was killed in its phase load; the dead man's switch healed the yard afterwards: {HEALED[0]}"
    )
    assert [check.name for check in record.checks] == ["canary"]
    [healed] = [entry for entry in record.entries if entry.kind == "healed"]
    assert (healed.text, healed.phase, healed.t_s) == (HEALED[0], "recover", 7.0)
    assert record.altered_files() == ()


def test_a_verdict_that_was_given_stays(tmp_path: Path, clock: VirtualClock) -> None:
    path = killed(tmp_path, clock)
    conclude(path, clock, by="`drill recover`", lines=HEALED)
    before = (path / "verdict.json").read_bytes()

    assert conclude(path, clock, by="someone else", lines=HEALED) is None
    assert (path / "verdict.json").read_bytes() == before
    assert conclude(tmp_path / "no-record", clock, by="someone", lines=HEALED) is None
