"""
The bank as callers meet it: the official stripe library over a real socket, and a process that ends well or badly.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

ADMIN = {"Authorization": "Bearer admin"}
PAYMENT: Any = {"amount": 1999, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}


def misbehave(bank: Any, **behaviour: Any) -> None:
    httpx.put(f"{bank.url}/admin/behaviour", json=behaviour, headers=ADMIN).raise_for_status()


def test_the_official_library_pays_reads_lists_and_refunds(start_bank: Any) -> None:
    client = start_bank().client()

    intent = client.v1.payment_intents.create(PAYMENT | {"metadata": {"order_id": "6900953ac1f4320001b50703"}})
    charge = client.v1.charges.retrieve(intent.latest_charge)
    listed = list(client.v1.charges.list({"limit": 1}).auto_paging_iter())
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    manual = client.v1.payment_intents.create(PAYMENT | {"capture_method": "manual"})
    captured = client.v1.payment_intents.capture(manual.id, {"amount_to_capture": 500})

    assert (intent.status, charge.amount_captured) == ("succeeded", 1999)
    assert charge.metadata["order_id"] == "6900953ac1f4320001b50703"
    assert [entry.id for entry in listed] == [charge.id]
    assert (refund.status, refund.amount) == ("succeeded", 1999)
    assert captured.amount_received == 500
    assert client.v1.balance.retrieve().available[0].amount == 500


def test_the_official_library_updates_expands_and_searches(start_bank: Any) -> None:
    client = start_bank().client()

    intent = client.v1.payment_intents.create(PAYMENT | {"metadata": {"order_id": "a"}, "expand": ["latest_charge"]})
    client.v1.payment_intents.update(intent.id, {"metadata": {"order_id": "", "note": "x"}})
    found = client.v1.charges.search({"query": "metadata['order_id']:'a'", "expand": ["data.payment_intent"]})
    waiting = client.v1.payment_intents.create(PAYMENT | {"payment_method": "pm_card_threeDSecure2Required"})

    assert intent.latest_charge.amount_captured == 1999
    assert [charge.payment_intent.metadata.to_dict() for charge in found.auto_paging_iter()] == [{"note": "x"}]
    assert waiting.status == "requires_action"


def test_the_official_library_raises_its_own_error_for_each_refusal(start_bank: Any) -> None:
    bank = start_bank()
    client = bank.client()

    with pytest.raises(stripe.CardError) as declined:
        client.v1.payment_intents.create(PAYMENT | {"payment_method": "pm_card_chargeDeclined"})
    with pytest.raises(stripe.AuthenticationError):
        bank.client("sk_test_other").v1.balance.retrieve()
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.charges.retrieve("ch_x")
    client.v1.payment_intents.create(PAYMENT, {"idempotency_key": "k"})
    with pytest.raises(stripe.IdempotencyError):
        client.v1.payment_intents.create(PAYMENT | {"amount": 2000}, {"idempotency_key": "k"})
    misbehave(bank, mode="rate_limit")
    with pytest.raises(stripe.RateLimitError):
        client.v1.payment_intents.create(PAYMENT)
    misbehave(bank, mode="error_before_capture")
    with pytest.raises(stripe.APIError):
        client.v1.payment_intents.create(PAYMENT)

    assert declined.value.code == "card_declined"
    assert declined.value.request_id.startswith("req_")


def test_a_connection_closed_after_capture_leaves_one_charge_that_a_retry_finds(start_bank: Any) -> None:
    bank = start_bank()
    client = bank.client()
    misbehave(bank, mode="hang_up_after_capture")

    with pytest.raises(stripe.APIConnectionError):
        client.v1.payment_intents.create(PAYMENT, {"idempotency_key": "order-1"})
    httpx.delete(f"{bank.url}/admin/behaviour", headers=ADMIN)
    intent = client.v1.payment_intents.create(PAYMENT, {"idempotency_key": "order-1"})

    assert intent.last_response.headers["idempotent-replayed"] == "true"
    assert [charge.payment_intent for charge in client.v1.charges.list().data] == [intent.id]


def test_a_caller_that_gives_up_is_charged_all_the_same(start_bank: Any) -> None:
    bank = start_bank()
    misbehave(bank, mode="slow_before_capture", delay_s=0.5)
    form = {"amount": "700", "currency": "usd", "source": "tok_visa"}
    headers = {"Authorization": "Bearer sk_test_mock"}

    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{bank.url}/v1/charges", data=form, headers=headers, timeout=0.1)

    assert bank.process.stdout is not None
    assert 'msg="charge succeeded"' in bank.process.stdout.readline()  # Written when it is in the ledger.
    assert bank.client().v1.balance.retrieve().available[0].amount == 700


def test_every_answered_charge_survives_a_kill(start_bank: Any) -> None:
    bank = start_bank()
    answered: list[str] = []

    def shop() -> None:
        client = bank.client()
        try:
            while True:
                answered.append(client.v1.charges.create({"amount": 500, "currency": "usd", "source": "tok_visa"}).id)
        except stripe.StripeError:
            return

    shoppers = [threading.Thread(target=shop) for _ in range(3)]
    for thread in shoppers:
        thread.start()
    deadline = time.monotonic() + 20
    while len(answered) < 40 and time.monotonic() < deadline:
        bank.process.poll()
    bank.process.send_signal(signal.SIGKILL)
    for thread in shoppers:
        thread.join(20)

    ledger = start_bank().client().v1.charges.list({"limit": 100})
    held = {charge.id for charge in ledger.auto_paging_iter()}
    assert len(answered) >= 40
    assert set(answered) <= held
    assert len(held) <= len(answered) + len(shoppers)


def test_it_ends_on_sigterm_within_two_seconds_even_while_it_makes_a_caller_wait(start_bank: Any) -> None:
    bank = start_bank()
    misbehave(bank, mode="slow_after_capture", delay_s=60)
    waiting = threading.Thread(target=_pay_and_ignore, args=(bank,))
    waiting.start()
    assert bank.process.stdout is not None
    bank.process.stdout.readline()  # The charge is in the ledger; its answer is being held back.

    started_s = time.monotonic()
    code, output = bank.stop()

    waiting.join(10)
    assert code == 0
    assert time.monotonic() - started_s < 2
    assert "Traceback" not in output


def _pay_and_ignore(bank: Any) -> None:
    try:
        bank.client().v1.payment_intents.create(PAYMENT)
    except stripe.StripeError:
        return


@pytest.mark.parametrize(
    ("environment", "arguments", "code", "sentence"),
    [
        ({"PORT": "99999"}, [], 2, "PORT is '99999'"),
        ({"BANK_KEY": "two words"}, [], 2, "BANK_KEY must be"),
        ({}, ["--port=1"], 2, "takes no arguments"),
        ({"BANK_DATA": "/proc/nowhere"}, [], 1, "cannot use its folder /proc/nowhere"),
        ({"HOST": "192.0.2.1"}, [], 1, "cannot listen on 192.0.2.1"),
    ],
)
def test_a_bank_that_cannot_start_says_why_in_one_sentence(
    tmp_path: Path, environment: dict[str, str], arguments: list[str], code: int, sentence: str
) -> None:
    given = {**os.environ, "PORT": "0", "BANK_DATA": str(tmp_path), **environment}
    command = [sys.executable, "-m", "drillyard.bank.server", *arguments]

    ended = subprocess.run(command, env=given, capture_output=True, text=True, timeout=20, check=False)

    assert ended.returncode == code
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_merchant_that_retries_under_one_key_is_charged_once_for_each_order_by_a_bank_that_hangs_up(
    start_bank: Any,
) -> None:
    bank = start_bank()
    misbehave(bank, mode="hang_up_after_capture", share=0.5, seed=1)
    client = stripe.StripeClient("sk_test_mock", base_addresses={"api": bank.url}, max_network_retries=6)

    for order in "abc":
        client.v1.payment_intents.create(PAYMENT | {"metadata": {"order_id": order}})

    struck = httpx.get(f"{bank.url}/admin/behaviour", headers=ADMIN).json()["struck"]
    charged = [charge.metadata["order_id"] for charge in client.v1.charges.list().data]
    assert struck == 3
    assert sorted(charged) == ["a", "b", "c"]
