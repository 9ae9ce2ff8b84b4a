"""
Amounts: whole units of a known currency (cents, or yen), within the limits that Stripe sets
(https://docs.stripe.com/currencies).
"""

from __future__ import annotations

from dataclasses import dataclass

from drillyard.bank.errors import Refused
from drillyard.bank.forms import Params

AMOUNT_MAX = 99_999_999
"""Eight digits, in any currency."""


@dataclass(frozen=True)
class Currency:
    """`least`: the smallest charge, in the smallest unit; `decimals`: how many digits of an amount are its fraction."""

    symbol: str
    least: int
    decimals: int = 2


CURRENCIES = {
    "usd": Currency("$", 50),
    "aud": Currency("A$", 50),
    "cad": Currency("CA$", 50),
    "chf": Currency("CHF ", 50),
    "dkk": Currency("kr", 250),
    "eur": Currency("€", 50),
    "gbp": Currency("£", 30),
    "hkd": Currency("HK$", 400),
    "inr": Currency("₹", 50),
    "jpy": Currency("¥", 50, decimals=0),
    "nok": Currency("kr", 300),
    "nzd": Currency("NZ$", 50),
    "pln": Currency("zł", 200),
    "sek": Currency("kr", 300),
    "sgd": Currency("S$", 50),
}


def amount_and_currency(params: Params) -> tuple[int, str]:
    """The required `amount` and `currency` (in lower case). Raises Refused outside of the limits."""
    amount, named = params.required_integer("amount"), currency(params.required("currency"))
    return chargeable(amount, named), named


def chargeable(amount: int, named: str) -> int:
    """The amount, if a charge in that currency may be of it. Raises Refused."""
    positive(amount, "amount")
    least = CURRENCIES[named].least
    if amount < least:
        raise Refused(
            f"Amount must be at least {spoken(least, named)} {named}", param="amount", code="amount_too_small"
        )
    if amount > AMOUNT_MAX:
        raise Refused(
            f"Amount must be no more than {spoken(AMOUNT_MAX, named)}", param="amount", code="amount_too_large"
        )
    return amount


def currency(given: str) -> str:
    """A currency's code in lower case. Raises Refused for one that the bank has not."""
    code = given.lower()
    if code not in CURRENCIES:
        raise Refused(
            f"Invalid currency: {code[:20]}. This bank supports: {', '.join(CURRENCIES)}",
            param="currency",
        )
    return code


def positive(amount: int, param: str) -> None:
    """Raises Refused for zero and less."""
    if amount < 1:
        raise Refused("This value must be greater than or equal to 1.", param=param, code="parameter_invalid_integer")


def spoken(amount: int, named: str) -> str:
    """`$12.34` or `¥500`, as it stands in messages."""
    of = CURRENCIES[named]
    if of.decimals == 0:
        return f"{of.symbol}{amount:,}"
    return f"{of.symbol}{amount // 100:,}.{amount % 100:02d}"
