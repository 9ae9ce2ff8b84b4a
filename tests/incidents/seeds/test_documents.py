"""
Every command and every query of both documents, played in the order of their states against one yard.

A command is typed at a terminal, with the kubectl of the wheel and, where another one is on PATH, with that one too. A
query is asked over the window since its fault was on, and must find what the shoppers' ledger says.
"""

from __future__ import annotations

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
        if command.when == "load" and not stage.with_locust:
            pytest.skip("needs Locust: pip install 'drillyard[locust]'")
        for program in list(stage.hands.programs)[: 1 if command.once else None]:
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
    stage.kubectl("wait", "--for=condition=complete", "job/locust-payment-failure", "--timeout=60s")
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
    stage.kubectl("wait", "--for=condition=complete", "job/locust-payment-failure-corrected", "--timeout=60s")
    log = stage.kubectl("logs", "job/locust-payment-failure-corrected")
    placed = requests_of(log, "Place Order (Payment Failing)")
    assert placed >= 2
    assert "Error report" not in log
    stored = [one for one in stage.ask(Yard.orders) if one["status"] == "PAYMENT_FAILED"]
    assert len(stored) == stage.failed + placed


CHECKS: list[tuple[str, Play, str]] = [
    (
        "payment-down",
        shoppers_saw(AttemptOutcome.HTTP_ERROR, 500, "Payment service unavailable for order"),
        "shoppers are told that payment is unavailable",
    ),
    (
        "payment-slow",
        shoppers_saw(AttemptOutcome.HTTP_ERROR, 500, "timeout from one of the services"),
        "shoppers are told of a timeout",
    ),
    ("load", the_job_as_printed_completes_and_places_no_order, "locust as printed"),
    ("load", the_corrected_job_places_orders_that_fail_at_payment, "locust corrected"),
    ("queue-down", shoppers_saw(AttemptOutcome.OK, 201), "shoppers are told that all is well"),
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


@pytest.mark.parametrize(("state", "play"), plays())
def test_the_documents_are_played(state: str, play: Play, stage: Stage) -> None:
    stage.enter(state)

    play(stage)
