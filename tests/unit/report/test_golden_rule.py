"""The report says KEPT only while its own evidence says so: each broken promise turns the verdict, on page and in Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from drillyard.drills.report import audit, judge_again, render_html, render_markdown
from drillyard.record import Check, Outcome, Record, Verdict

MadeUp = Callable[..., Record]


def queue_not_empty(drill: Any) -> None:
    drill.depth_after_cure = [5, 4, 3]


def shipped_twice(drill: Any) -> None:
    drill.processed[drill.ids[2]] = 2


def order_missing(drill: Any) -> None:
    del drill.orders[1]


def never_shipped(drill: Any) -> None:
    drill.orders[4]["status"] = "PAID"
    drill.processed[drill.ids[4]] = 0


def charged_twice(drill: Any) -> None:
    drill.charges.append({**drill.charges[0], "id": "ch_again"})


def money_of_nobody(drill: Any) -> None:
    drill.charges.append({**drill.charges[0], "id": "ch_x", "metadata": {}})


def in_nobody_s_books(drill: Any) -> None:
    # The shopper was promised an order that no party was even asked about.
    drill.shoppers[0] = {**drill.shoppers[0], "order_id": "6900953ac1f4320001b507ff"}


BROKEN = [
    (queue_not_empty, "a depth of 3 at its lowest"),
    (shipped_twice, "order 6900953ac1f4320001b50703 is shipped twice"),
    (order_missing, "order 6900953ac1f4320001b50702 is charged not ordered"),
    (never_shipped, "order 6900953ac1f4320001b50705 is paid not shipped"),
    (charged_twice, "order 6900953ac1f4320001b50701 is charged twice"),
    (money_of_nobody, "unknown_charge: ch_x took 10498 cents for no order"),
    (in_nobody_s_books, "order 6900953ac1f4320001b507ff is order missing"),
]


def test_a_drill_whose_evidence_agrees_is_kept(made_up: MadeUp) -> None:
    record = made_up()

    assert judge_again(record).outcome is Outcome.KEPT
    assert all(check.outcome is Outcome.KEPT for check in audit(record))
    assert "**KEPT**" in render_markdown(record)
    assert "<strong>KEPT</strong>" in render_html(record)


@pytest.mark.parametrize(("twist", "seen"), BROKEN, ids=[twist.__name__ for twist, _ in BROKEN])
def test_a_broken_promise_turns_a_verdict_that_says_kept(made_up: MadeUp, twist: Any, seen: str) -> None:
    record = made_up(twist)
    assert record.verdict is not None
    assert record.verdict.outcome is Outcome.KEPT, "the made-up runner did not notice"

    verdict = judge_again(record)

    assert verdict.outcome is Outcome.BROKEN
    assert seen in verdict.reason
    for report in (render_markdown(record), render_html(record)):
        assert "BROKEN" in report
        assert seen in report
        assert "does not bear out its verdict KEPT" in report
    assert "<strong>KEPT</strong>" not in render_html(record)


def test_an_order_promised_and_in_no_account_is_noticed(made_up: MadeUp) -> None:
    record = made_up()
    accounts = record.evidence("reconciliation")
    accounts["rows"] = accounts["rows"][1:]
    (record.path / "evidence/reconciliation.json").write_text(json.dumps(accounts))

    verdict = judge_again(Record.open(record.path))

    assert verdict.outcome is Outcome.BROKEN
    assert "order 6900953ac1f4320001b50701 was promised to a shopper" in verdict.reason


@pytest.mark.parametrize("processed", [0, 2])
def test_a_row_that_calls_itself_agreed_is_not_believed(made_up: MadeUp, processed: int) -> None:
    record = made_up()
    accounts = record.evidence("reconciliation")
    accounts["rows"][3]["processed"] = processed
    (record.path / "evidence/reconciliation.json").write_text(json.dumps(accounts))

    verdict = judge_again(Record.open(record.path))

    assert verdict.outcome is Outcome.BROKEN
    assert f"order 6900953ac1f4320001b50704 was processed {processed} times" in verdict.reason


def test_evidence_altered_afterwards_makes_the_verdict_unclear(made_up: MadeUp) -> None:
    record = made_up()
    samples = record.path / "samples.jsonl"
    samples.write_text(samples.read_text().replace('"value": 5', '"value": 4'))

    record = Record.open(record.path)

    assert judge_again(record).outcome is Outcome.UNCLEAR
    assert "altered or missing: samples.jsonl" in render_markdown(record)
    assert "altered or missing</td>" in render_html(record)


def test_a_queue_that_could_not_be_measured_after_the_cure_is_unclear(made_up: MadeUp) -> None:
    def blind(drill: Any) -> None:
        drill.depth_after_cure = [None, None]

    assert judge_again(made_up(blind)).outcome is Outcome.UNCLEAR


def test_orders_that_nobody_compared_are_unclear(made_up: MadeUp) -> None:
    def no_accounts(drill: Any) -> None:
        drill.accounts = False

    record = made_up(no_accounts)

    assert judge_again(record).outcome is Outcome.UNCLEAR
    assert "not compared" in render_html(record)


def test_a_drill_interrupted_before_its_end_is_no_worse_than_unclear(made_up: MadeUp) -> None:
    def stopped(drill: Any) -> None:
        drill.accounts = False
        drill.depth_after_cure = [5, 4]
        drill.verdict = Verdict(Outcome.UNCLEAR, "The drill was interrupted; nothing is left broken.")

    verdict = judge_again(made_up(stopped))

    assert verdict.outcome is Outcome.UNCLEAR
    assert verdict.reason == "The drill was interrupted; nothing is left broken."


def test_an_invalid_drill_stays_invalid_whatever_the_evidence(made_up: MadeUp) -> None:
    def invalid(drill: Any) -> None:
        shipped_twice(drill)
        drill.verdict = Verdict(Outcome.INVALID, "The fault was never on.")

    verdict = judge_again(made_up(invalid))

    assert (verdict.outcome, verdict.reason) == (Outcome.INVALID, "The fault was never on.")


def test_a_check_that_the_verdict_overlooked_is_noticed(made_up: MadeUp) -> None:
    def overlooked(drill: Any) -> None:
        broken = Check("depth", Outcome.BROKEN, "The queue is empty again", "0", "3")
        drill.verdict = Verdict(Outcome.KEPT, "All is well.", (broken,))

    verdict = judge_again(made_up(overlooked))

    assert verdict.outcome is Outcome.BROKEN
    assert "The queue is empty again: expected 0, seen 3." in verdict.reason


def test_a_drill_that_died_is_unclear_and_says_so(made_up: MadeUp) -> None:
    record = made_up(finish=False)

    assert judge_again(record).outcome is Outcome.UNCLEAR
    for report in (render_markdown(record), render_html(record)):
        assert "The drill ended before its verdict." in report
        assert "without a verdict" in report
