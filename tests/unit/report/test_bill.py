"""What an incident cost, whether it would have failed anyway, and where each claim is proven: all counted from the record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from drillyard.base.clock import VirtualClock
from drillyard.drills.report import junit
from drillyard.drills.report.contents import read_contents
from drillyard.drills.report.difference import differences
from drillyard.record import Check, Outcome, Record, RecordWriter, Verdict

MadeUp = Callable[..., Record]


def charged_and_failed(drill: Any) -> None:
    """Of five orders the last is told 500, stored as failed, and charged."""
    drill.shoppers[4] |= {"http_status": 500, "outcome": "http_error", "status_seen": None, "total_cents": None}
    drill.orders[4]["status"] = "PAYMENT_FAILED"
    drill.processed.pop(drill.ids[4])


def with_rule(record: Record, cents: int | None, *, canary: bool = True) -> Record:
    """The same record, unfinished still, with payment's limit and the baseline's canary."""
    writer = RecordWriter.reopen(record, VirtualClock())
    writer.evidence("payment-rule", {"limit_cents": cents})
    if canary:
        writer.check(Check("baseline-canary", Outcome.KEPT, "A canary order reaches SHIPPED", "SHIPPED", "SHIPPED"))
    writer.close()
    return Record.open(record.path)


def costs(record: Record) -> dict[str, str]:
    return {cost.what: cost.value for cost in read_contents(record).costs}


def test_the_bill_counts_orders_customers_and_money(made_up: MadeUp) -> None:
    found = costs(made_up(charged_and_failed))

    assert found["Orders that failed"] == "1 of 5"
    assert found["Sales that failed"] == "$20.97"
    assert found["Taken for failed orders"] == "$20.97"
    assert found["Customers affected"] == "1"
    assert found["First customer hurt after"] == "5.3 s", "five orders of 0.9 s each came 0.8 s after the fault"


def test_nothing_is_billed_where_nothing_was_lost(made_up: MadeUp) -> None:
    found = costs(made_up())

    assert (found["Orders that failed"], found["Taken for failed orders"]) == ("0 of 5", "$0.00")
    assert "First customer hurt after" not in found


def test_an_order_over_the_limit_would_have_failed_anyway(made_up: MadeUp) -> None:
    record = made_up(charged_and_failed, finish=False)

    within = read_contents(with_rule(record, 10_500)).fates
    over = read_contents(with_rule(record, 2_000)).fates

    assert [fate.anyway for fate in within] == ["–", "–", "–", "–", "no"]
    assert over[4].anyway == "yes"
    assert "over payment's limit of $20.00" in over[4].why


def test_an_order_that_no_answer_named_is_named_all_the_same(made_up: MadeUp) -> None:
    def nameless(drill: Any) -> None:
        charged_and_failed(drill)
        drill.shoppers[4]["order_id"] = None

    record = made_up(nameless, finish=False)
    assert read_contents(record).fates[4].order == "attempt 5 of shopper-42-1"
    writer = RecordWriter.reopen(record, VirtualClock())
    writer.evidence("attempts", [{"shopper": "shopper-42-1", "number": 5, "order_id": "6900953ac1f4320001b50705"}])
    writer.close()

    assert read_contents(Record.open(record.path)).fates[4].order == "6900953ac1f4320001b50705"


def test_the_drill_s_own_orders_are_told_from_the_shoppers(made_up: MadeUp) -> None:
    def with_canary(drill: Any) -> None:
        drill.shoppers.pop(0)

    record = made_up(with_canary, finish=False)
    assert read_contents(record).orders[0].shopper == "not a shopper's"
    writer = RecordWriter.reopen(record, VirtualClock())
    writer.ledger("orders", [{"id": "6900953ac1f4320001b50701", "customer": {"username": "canary-1-1"}}])
    writer.close()

    contents = read_contents(Record.open(record.path))
    assert contents.orders[0].shopper == "the drill's test order"
    assert "1 of them the drill's own, to test it" in contents.story


def test_without_the_rule_or_a_canary_it_is_unclear(made_up: MadeUp) -> None:
    record = made_up(charged_and_failed, finish=False)

    assert read_contents(record).fates[4].anyway == "unclear"
    assert read_contents(with_rule(record, 10_500, canary=False)).fates[4].anyway == "unclear"


def test_each_check_names_evidence_that_exists(made_up: MadeUp) -> None:
    record = made_up()
    rows = read_contents(record).requirements

    assert len(rows) == len(record.checks)
    assert all((record.path / name).is_file() for row in rows for name in row.files)


def test_junit_has_a_case_for_each_check_and_for_the_verdict(made_up: MadeUp) -> None:
    record = made_up()
    suite = ElementTree.fromstring(junit(record)).find("testsuite")

    assert suite is not None
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase")) == len(read_contents(record).verdict.checks) + 1
    assert (suite.attrib["failures"], suite.attrib["errors"]) == ("0", "0")
    cases = [(case.attrib["classname"], case.attrib["name"]) for case in suite.findall("testcase")]
    assert len(set(cases)) == len(cases), "collectors merge cases of one name"


def test_junit_never_passes_what_is_broken_or_unclear(made_up: MadeUp) -> None:
    def broken(drill: Any) -> None:
        drill.verdict = Verdict(Outcome.BROKEN, "a < b & \x1b[31mred", ())

    suite = ElementTree.fromstring(junit(made_up(broken))).find("testsuite")
    assert suite is not None
    assert int(suite.attrib["failures"]) >= 1
    unfinished = ElementTree.fromstring(junit(made_up(finish=False))).find("testsuite")
    assert unfinished is not None
    assert int(unfinished.attrib["errors"]) >= 1, "a drill that died is no pass"


def test_two_drills_that_say_the_same_do_not_differ(made_up: MadeUp) -> None:
    first, second = made_up(), made_up()

    assert differences(first, second) == []


def test_what_differs_is_named_with_both_sides(made_up: MadeUp) -> None:
    def broken(drill: Any) -> None:
        charged_and_failed(drill)
        drill.verdict = Verdict(Outcome.BROKEN, "one order is charged and failed", ())

    lines = differences(made_up(), made_up(broken))

    assert ("verdict", "KEPT", "BROKEN", True) in [(one.topic, one.first, one.second, one.decides) for one in lines]
    assert any((one.what, one.first, one.second) == ("Orders that failed", "0 of 5", "1 of 5") for one in lines)
