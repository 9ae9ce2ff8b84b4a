"""
Every command and every query of both documents, played in the order of their states against one yard.

A command is typed at a terminal, with the kubectl of the wheel or, where another one is on PATH, by turns with that one
(in `make catalogue` with both). A
query is asked over the window since its fault was on, and must find what the shoppers' ledger says.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from typing import Any

import pytest

from drillyard.load import AttemptOutcome
from drillyard.yard.yard import Yard

from .conftest import manifest
from .stage import EXAMPLES, Stage, requests_of
from .table import STATES, Command, Query, commands, filled, queries

STATE_OF = {"3A": "payment-down", "3B": "payment-slow", "5": "queue-down"}
BACK = {3: "payment-back", 5: "queue-back"}
Play = Callable[[Stage], None]


def type_command(command: Command) -> Play:
    def play(stage: Stage) -> None:
        if command.of_load and not stage.with_locust:
            pytest.skip("needs Locust: pip install 'drillyard[locust]'")
        programs = list(stage.hands.programs)
        if command.once or os.environ.get("CATALOGUE") != "all":
            programs = [programs[command.at[0] % len(programs)]]  # By turns; `make catalogue` types with each.
        for program in programs:
            line, until = filled(command.run, stage.words), filled(command.until, stage.words)
            code, shown = stage.hands.type(line, program, until=until)
            missing = [one for one in command.output if not re.search(filled(one, stage.words), shown, re.M)]
            present = [one for one in command.absent if re.search(filled(one, stage.words), shown, re.M)]
            assert (missing, present) == ([], []), f"{program} kubectl, $ {line}\n{shown[-3000:]}"
            assert until or code == command.exit, f"{program} kubectl, $ {line}\n{shown[-3000:]}"

    return play


def ask_query(query: Query, text: str, count: Any) -> Play:
    def play(stage: Stage) -> None:
        window = {"failed": 0, "orders": len(stage.order_ids), "twice": 0}
        if stage.state in ("payment-down", "payment-slow"):
            window = {**window, "failed": len(stage.order_ids), "twice": 2 * len(stage.order_ids)}
        wanted = window.get(count, count)
        asked = filled(text, stage.words)

        async def ask(yard: Yard) -> int:
            if query.kind == "containers":
                return (await yard.datadog.containers(asked)).count
            return await yard.datadog.count(asked, stage.fault_on_at, "now")

        found = stage.ask(ask)
        assert found > 0 if wanted == "some" else found == wanted, f"{asked}: {found}, not {wanted}"

    return play


def shoppers_saw(outcome: AttemptOutcome, status: int, words: str = "") -> Play:
    def play(stage: Stage) -> None:
        seen = {(row.outcome, row.http_status, words in (row.error or "")) for row in stage.ledger.rows}
        assert seen == {(outcome, status, True)}

    return play


def the_job_as_printed_completes_and_places_no_order(stage: Stage) -> None:
    """It posts to /login, which the shop has not (404), and its task raises before the order is sent."""
    if not stage.with_locust:
        pytest.skip("needs Locust: pip install 'drillyard[locust]'")
    stage.kubectl("wait", "--for=condition=complete", "job/locust-payment-failure", "--timeout=110s")
    log = stage.kubectl("logs", "job/locust-payment-failure")
    assert "INCIDENT 3: PAYMENT FAILURE TEST" in log
    assert log.rstrip().splitlines()[-2] == "Failed transactions generated"
    assert requests_of(log, "/login") >= 1
    assert requests_of(log, "Place Order (Payment Failing)") == 0
    assert "Make sure you use a with-block" in log
    assert (EXAMPLES / "as-printed.yaml").read_text() == manifest()


def the_corrected_job_places_orders_that_fail_at_payment(stage: Stage) -> None:
    if not stage.with_locust:
        pytest.skip("needs Locust: pip install 'drillyard[locust]'")
    stage.kubectl("wait", "--for=condition=complete", "job/locust-payment-failure-corrected", "--timeout=110s")
    log = stage.kubectl("logs", "job/locust-payment-failure-corrected")
    placed = requests_of(log, "Place Order (Payment Failing)")
    assert placed >= 1
    assert "Error report" not in log
    stored = [one for one in stage.ask(Yard.orders) if one["status"] == "PAYMENT_FAILED"]
    assert len(stored) == stage.failed + placed


def the_lines_of_a_failed_order_come_in_the_documents_order(stage: Stage) -> None:
    """The timeline of lines 464-470, across the services."""
    expected = [
        ("sock-shop-orders", r"INFO .*Order created with ID: {order} and status: Created"),
        ("sock-shop-orders", r"INFO .*Order {order} status updated to PENDING"),
        ("sock-shop-orders", r"INFO .*Sending payment request for order {order}: PaymentRequest\{"),
        ("sock-shop-orders", r"ERROR .*Payment failed for order {order}: org.springframework.*Connection refused"),
        ("sock-shop-orders", r"WARN .*Order {order} status updated to PAYMENT_FAILED due to: Connection refused"),
        ("sock-shop-orders", r"ERROR .*Servlet.service\(\) .*Payment service unavailable for order {order}"),
        ("sock-shop-front-end", r"Order response: .*500.*Payment service unavailable for order {order}"),
    ]
    found = stage.ask(
        lambda yard: yard.datadog.logs(f'kube_namespace:sock-shop "{stage.order}"', stage.fault_on_at, "now")
    )
    lines = [(one["attributes"]["service"], one["attributes"]["message"]) for one in found.items]
    rest = iter(lines)
    for service, pattern in expected:
        wanted = filled(pattern, stage.words)
        assert any(service == who and re.search(wanted, said) for who, said in rest), f"{wanted} is not next in {lines}"


def every_line_of_orders_is_info(stage: Stage) -> None:
    """As the document found it (537 Info, 0 Error, 0 Warn): no pipeline reads the level out of a Spring line."""
    query = "kube_namespace:sock-shop service:sock-shop-orders"
    groups = stage.ask(lambda yard: yard.datadog.groups(query, ["status"], stage.fault_on_at, "now"))
    assert [group.by["status"] for group in groups] == ["info"]


def services_bear_their_images_names(stage: Stage) -> None:
    groups = stage.ask(lambda yard: yard.datadog.groups("kube_namespace:sock-shop", ["service"], "now-15m", "now"))
    names = {group.by["service"] for group in groups}
    assert {f"sock-shop-{one}" for one in ("orders", "front-end", "payment", "shipping")} <= names
    assert not names & {"orders", "front-end", "payment", "shipping"}


def an_event_tells_that_it_was_scaled(deployment: str) -> Play:
    def play(stage: Stage) -> None:
        query = f'source:kubernetes kube_namespace:sock-shop "Scaled down replica set {deployment}"'
        assert stage.ask(lambda yard: yard.datadog.events(query, "now-15m", "now")).count >= 1

    return play


def a_failed_order_has_a_total_and_no_shipment(stage: Stage) -> None:
    """Without one charge at the bank: the connection is refused before any money is asked for."""
    failed = [one for one in stage.ask(Yard.orders) if one["id"] in stage.order_ids]
    for order in failed:
        goods = sum(item["quantity"] * item["unitPrice"] for item in order["items"])
        assert abs(order["total"] - goods - 4.99) < 0.005
        assert order["shipment"] is None
    charged = {one["metadata"].get("order_id") for one in stage.ask(lambda yard: yard.bank.charges())}
    assert not charged & set(stage.order_ids)


def every_order_was_charged_and_failed(stage: Stage) -> None:
    """The document's headline, money taken and order failed, which only method B can produce."""
    charged = [one["metadata"].get("order_id") for one in stage.ask(lambda yard: yard.bank.charges())]
    assert sorted(one for one in charged if one in stage.order_ids) == sorted(stage.order_ids)


def the_first_order_after_the_repair_goes_all_the_way(stage: Stage) -> None:
    paid = next(one for one in stage.ask(Yard.orders) if one["id"] == stage.paid)
    assert (paid["status"], bool(paid["shipment"])) == ("SHIPPED", True)
    done = stage.drill("timeline", stage.paid, "--yard", stage.yard_name)
    steps = [done.stdout.index(f"status {one}") for one in ("CREATED", "PENDING", "PAID", "SHIPPED")]
    assert steps == sorted(steps), done.stdout


def paid_orders_wait_in_the_queue(stage: Stage) -> None:
    queue = stage.ask(lambda yard: yard.broker.queue("shipping-task"))
    assert (queue.messages, queue.consumers) == (len(stage.order_ids), 0)


def the_backlog_was_shipped(stage: Stage) -> None:
    queue = stage.ask(lambda yard: yard.broker.queue("shipping-task"))
    assert (queue.messages, queue.consumers) == (0, 1)
    assert {one["status"] for one in stage.ask(Yard.orders) if one["id"] in stage.order_ids} == {"SHIPPED"}


def checklist(name: str, code: int, *, places_orders: int = 0, **words: str) -> Play:
    """`drill check`, with the exit code, and the words of some of its entries by their number."""

    def play(stage: Stage) -> None:
        done = stage.drill("check", *name.split(), "--json", "--yard", stage.yard_name)
        answers = json.loads(done.stdout)
        shown = "\n".join(f"{one['word']} {one['claim']}: {one['seen']}" for one in answers)
        assert done.returncode == code, shown
        for number, word in words.items():
            assert answers[int(number.removeprefix("entry_")) - 1]["word"] == word, shown
        assert [one for one in answers if bool(one["next"]) == (one["word"] == "PASS")] == []
        stage.orders += places_orders

    return play


SAID_500 = "Payment service unavailable for order"
CHECKS: list[tuple[str, Play, str]] = [
    ("healthy", checklist("incident-3 before", 0, places_orders=1), "checklist 3 before"),
    ("healthy", checklist("incident-5 before", 0), "checklist 5 before"),
    ("healthy", checklist("incident-3 during", 1, entry_1="FAIL", entry_6="UNKNOWN"), "checklist 3 during"),
    ("payment-down", checklist("incident-3 before --no-order", 1, entry_2="FAIL"), "checklist 3 before"),
    ("payment-down", checklist("incident-3 during", 0), "checklist 3 during"),
    (
        "payment-down",
        checklist("incident-3 troubleshooting", 1, entry_1="PASS", entry_2="FAIL", entry_3="PASS", entry_5="PASS"),
        "checklist 3 troubleshooting",
    ),
    ("payment-back", checklist("incident-3 after", 0, places_orders=1), "checklist 3 after"),
    ("payment-slow", checklist("incident-3 after --no-order", 1, entry_6="FAIL"), "checklist 3 after"),
    ("queue-down", checklist("incident-5 before", 1, entry_2="FAIL", entry_6="FAIL"), "checklist 5 before"),
    ("queue-down", checklist("incident-5 during", 0), "checklist 5 during"),
    ("queue-back", checklist("incident-5 after", 0), "checklist 5 after"),
    ("payment-down", shoppers_saw(AttemptOutcome.HTTP_ERROR, 500, SAID_500), "what shoppers are told"),
    ("payment-down", the_lines_of_a_failed_order_come_in_the_documents_order, "timeline of a failed order"),
    ("payment-down", every_line_of_orders_is_info, "status facet"),
    ("payment-down", services_bear_their_images_names, "service facet"),
    ("payment-down", an_event_tells_that_it_was_scaled("payment"), "event"),
    ("payment-down", a_failed_order_has_a_total_and_no_shipment, "a failed order and the bank"),
    ("load", the_job_as_printed_completes_and_places_no_order, "locust as printed"),
    ("load", the_corrected_job_places_orders_that_fail_at_payment, "locust corrected"),
    ("payment-back", the_first_order_after_the_repair_goes_all_the_way, "the first order after the repair"),
    (
        "payment-slow",
        shoppers_saw(AttemptOutcome.HTTP_ERROR, 500, "timeout from one of the services"),
        "what shoppers are told",
    ),
    ("payment-slow", every_order_was_charged_and_failed, "charged and failed"),
    ("queue-down", shoppers_saw(AttemptOutcome.OK, 201), "what shoppers are told"),
    ("queue-down", paid_orders_wait_in_the_queue, "queue depth"),
    ("queue-down", an_event_tells_that_it_was_scaled("queue-master"), "event"),
    ("queue-back", the_backlog_was_shipped, "backlog"),
]


def plays() -> list[Any]:
    """In the order of the states; in a state: commands, queries, checks."""
    found: list[tuple[str, Play, str]] = [
        (one.when, type_command(one), f"{one.document}-line-{one.at[-1]}") for one in commands()
    ]
    for query in queries():
        for what, text, counts in (
            ("query", query.query, query.counts),
            ("corrected", query.corrected, query.corrected_counts),
        ):
            for state, count in counts.items():
                name = f"{query.document}-line-{query.at[0]}-{what}-{state}"
                found.append((STATE_OF.get(state, BACK[query.document]), ask_query(query, text, count), name))
    found += CHECKS
    found.sort(key=lambda play: STATES.index(play[0]))
    return [pytest.param(state, play, id=f"{state}-{name}".replace(" ", "-")) for state, play, name in found]


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("state", "play"), plays())
def test_the_documents_are_played(state: str, play: Play, stage: Stage) -> None:
    stage.enter(state)

    play(stage)
