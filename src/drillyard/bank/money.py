"""
Amounts: whole cents of a known currency, within the limits that the gateway sets.
"""

from __future__ import annotations

from drillyard.bank.errors import Refused
from drillyard.bank.forms import Params

CURRENCIES = ("usd", "eur", "gbp", "aud", "cad", "chf", "dkk", "hkd", "inr", "nok", "nzd", "pln", "sek", "sgd")
"""Those with two decimals only: an amount is always in cents."""

AMOUNT_MIN_CENTS = 50
AMOUNT_MAX_CENTS = 99_999_999


def chargeable_amount(params: Params) -> int:
    """The required `amount`, from $0.50 to $999,999.99 (Stripe's limits for a charge in dollars)."""
    amount = params.required_integer("amount")
    positive(amount, "amount")
    if amount < AMOUNT_MIN_CENTS:
        raise Refused("Amount must be at least $0.50 usd", param="amount", code="amount_too_small")
    if amount > AMOUNT_MAX_CENTS:
        raise Refused("Amount must be no more than $999,999.99", param="amount", code="amount_too_large")
    return amount


def currency(params: Params) -> str:
    """The required `currency`, in lower case."""
    given = params.required("currency").lower()
    if given not in CURRENCIES:
        raise Refused(
            f"Invalid currency: {given[:20]}. This bank supports: {', '.join(CURRENCIES)}",
            param="currency",
        )
    return given


def positive(amount: int, param: str) -> None:
    """Raises Refused for zero and less."""
    if amount < 1:
        raise Refused("This value must be greater than or equal to 1.", param=param, code="parameter_invalid_integer")


def spoken(cents: int) -> str:
    """`$12.34`, as it stands in messages."""
    return f"${cents // 100:,}.{cents % 100:02d}"
