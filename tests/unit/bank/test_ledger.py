"""
The ledger: whole transactions or none, one owner, and books that balance whatever callers do.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drillyard.bank import balance, charges, ledger, refunds
from drillyard.bank.errors import Refused
from drillyard.bank.forms import Params, parse
from drillyard.bank.ledger import Ledger
from drillyard.base.errors import DrillyardError


async def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    books = Ledger(tmp_path)
    await books.open()

    def half(connection: sqlite3.Connection) -> None:
        charges.create(connection, Params(parse("amount=500&currency=usd&source=tok_visa")), now_s=1)
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        await books.run(half)

    assert await books.run(lambda c: c.execute("SELECT count(*) FROM charge").fetchone()[0]) == 0
    await books.close()
    await books.close()


async def test_money_taken_is_still_there_after_the_bank_was_opened_again(tmp_path: Path) -> None:
    for _ in range(2):
        books = Ledger(tmp_path)
        await books.open()
        await books.run(lambda c: charges.create(c, Params(parse("amount=500&currency=usd&source=tok_visa")), now_s=1))
        total = await books.run(lambda c: balance.retrieve(c, Params({})).body["available"][0]["amount"])
        await books.close()

    assert total == 1000


async def test_a_second_bank_on_the_same_folder_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(ledger, "LOCK_WAIT_S", 0.0)
    first, second = Ledger(tmp_path), Ledger(tmp_path)
    await first.open()

    with pytest.raises(DrillyardError, match="Another bank holds the ledger"):
        await second.open()

    await first.close()
    await second.open()
    await second.close()


async def test_a_damaged_ledger_is_named_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite3").write_bytes(b"this is no database, " * 100)

    with pytest.raises(DrillyardError, match="cannot open its ledger"):
        await Ledger(tmp_path).open()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["charge", "decline", "authorize", "capture", "refund"]),
        st.integers(min_value=1, max_value=2000),
        st.integers(min_value=0, max_value=5),
    ),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(steps=STEPS)
def test_the_balance_is_always_what_was_captured_less_what_was_refunded(steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_balances(Path(folder), steps))


async def _balances(folder: Path, steps: list[tuple[str, int, int]]) -> None:
    books = Ledger(folder)
    await books.open()
    made: list[str] = []
    expected = 0
    for verb, amount, which in steps:
        target = made[which % len(made)] if made else "ch_none"
        try:
            expected += await books.run(lambda c, v=verb, a=amount, t=target: _do(c, v, a, t, made))  # type: ignore[misc]
        except Refused:
            continue
    body = await books.run(lambda c: balance.retrieve(c, Params({})).body)
    await books.close()
    assert body["available"][0]["amount"] == expected


def _do(connection: sqlite3.Connection, verb: str, amount: int, target: str, made: list[str]) -> int:
    if verb == "refund":
        return -int(
            refunds.create(connection, Params({"charge": target, "amount": str(amount)}), now_s=1).body["amount"]
        )
    if verb == "capture":
        outcome = charges.capture(connection, target, Params({"amount": str(amount)}))
        return int(outcome.body["amount_captured"])
    source = "tok_chargeDeclined" if verb == "decline" else "tok_visa"
    form = {"amount": str(amount), "currency": "usd", "source": source, "capture": str(verb != "authorize").lower()}
    outcome = charges.create(connection, Params(dict(form)), now_s=1)
    if outcome.status != 200:
        return 0
    made.append(outcome.body["id"])
    return int(outcome.body["amount_captured"])


async def test_a_ledger_that_cannot_be_written_is_a_500_and_a_line_in_the_log(bank: Any, monkeypatch: Any) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(charges, "record", full)

    answer = await bank.pay("k")

    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "api_error")
    assert bank.log == ['ts=2025-11-05T20:00:00.000Z level=error msg="ledger failed: database or disk is full"']
    monkeypatch.undo()
    assert (await bank.pay("k")).status_code == 200
    assert len(await bank.charges()) == 1
