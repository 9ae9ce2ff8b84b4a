"""
Test cards: the names that stand for a card that works, and for each way in which one is declined.

Source: https://docs.stripe.com/testing (payment methods `pm_card_…` and tokens `tok_…`). Card numbers themselves are
refused, as Stripe refuses them from an account without special approval: no number ever enters the ledger or a log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drillyard.bank.errors import Refused, no_such
from drillyard.bank.forms import Params, Tree
from drillyard.bank.outcome import Outcome


@dataclass(frozen=True)
class Decline:
    """Why the issuer says no: Stripe's `code`, `decline_code` and the sentence for the customer."""

    code: str
    decline_code: str
    message: str


@dataclass(frozen=True)
class Card:
    """
    What the ledger may know of a card. `decline` is None for one that works; `authenticates` is True for one whose
    holder must prove it first (3D Secure).
    """

    name: str
    brand: str
    last4: str
    decline: Decline | None = None
    authenticates: bool = False


_GOOD = {
    "visa": ("visa", "4242"),
    "visa_debit": ("visa", "5556"),
    "mastercard": ("mastercard", "4444"),
    "mastercard_debit": ("mastercard", "3222"),
    "amex": ("amex", "8431"),
    "discover": ("discover", "9424"),
    "diners": ("diners", "0004"),
    "jcb": ("jcb", "0505"),
    "unionpay": ("unionpay", "0005"),
    "threeDSecureOptional": ("visa", "3055"),
}
_DECLINED = {
    "chargeDeclined": ("0002", Decline("card_declined", "generic_decline", "Your card was declined.")),
    "chargeCustomerFail": ("0341", Decline("card_declined", "generic_decline", "Your card was declined.")),
    "chargeDeclinedInsufficientFunds": (
        "9995",
        Decline("card_declined", "insufficient_funds", "Your card has insufficient funds."),
    ),
    "chargeDeclinedLostCard": ("9987", Decline("card_declined", "lost_card", "Your card was declined.")),
    "chargeDeclinedStolenCard": ("9979", Decline("card_declined", "stolen_card", "Your card was declined.")),
    "chargeDeclinedFraudulent": ("0019", Decline("card_declined", "fraudulent", "Your card was declined.")),
    "chargeDeclinedExpiredCard": ("0069", Decline("expired_card", "expired_card", "Your card has expired.")),
    "chargeDeclinedVelocityLimitExceeded": (
        "6975",
        Decline(
            "card_declined",
            "card_velocity_exceeded",
            "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
        ),
    ),
    "chargeDeclinedIncorrectCvc": (
        "0127",
        Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect."),
    ),
    "chargeDeclinedProcessingError": (
        "0119",
        Decline(
            "processing_error",
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
    ),
}
_AUTHENTICATING = {
    "authenticationRequired": "3184",
    "threeDSecure2Required": "3220",
    "threeDSecureRequired": "3063",
}
_NOT_AUTHENTICATED = "Your card was declined. This transaction requires authentication."
NOT_AUTHENTICATED = Decline("authentication_required", "authentication_required", _NOT_AUTHENTICATED)
"""What a payment intent is told whose customer is not there to authenticate."""
NEVER_AUTHENTICATED = Decline("card_declined", "authentication_required", _NOT_AUTHENTICATED)
"""What the Charges API is told, which has no such step."""


def _all_cards() -> dict[str, Card]:
    cards: dict[str, Card] = {}
    for suffix, (brand, last4) in _GOOD.items():
        for name in (f"pm_card_{suffix}", f"tok_{suffix}"):
            cards[name] = Card(name, brand, last4)
    for suffix, (last4, decline) in _DECLINED.items():
        names = [f"pm_card_{suffix}", f"pm_card_visa_{suffix}", f"tok_{suffix}", f"tok_visa_{suffix}"]
        for name in names:
            cards[name] = Card(name, "visa", last4, decline)
    for suffix, last4 in _AUTHENTICATING.items():
        for name in (f"pm_card_{suffix}", f"tok_{suffix}"):
            cards[name] = Card(name, "visa", last4, authenticates=True)
    return cards


CARDS = _all_cards()


def payment_method(name: str) -> Card:
    """The card behind `payment_method`. Raises Refused for an unknown one and for a token, which is not one."""
    if not name.startswith("pm_") or name not in CARDS:
        raise Refused(f"No such PaymentMethod: '{name[:80]}'", code="resource_missing", param="payment_method")
    return CARDS[name]


def source(name: str) -> Card:
    """The card behind a `source` or a card token. Raises Refused for an unknown one."""
    if not name.startswith("tok_") or name not in CARDS:
        raise Refused(f"No such token: '{name[:80]}'", code="resource_missing", param="source")
    return CARDS[name]


def payment_method_data(data: Tree) -> Card:
    """The card in `payment_method_data[card][token]`. Raises Refused for raw card data."""
    card = data.get("card")
    if data.get("type") != "card" or not isinstance(card, dict):
        raise Refused("Only payment_method_data[type]=card is supported.", param="payment_method_data[type]")
    token = card.get("token")
    if not isinstance(token, str):
        raise raw_card_data()
    return CARDS[source(token).name.replace("tok_", "pm_card_")]


def retrieve(identifier: str, params: Params) -> Outcome:
    """`GET /v1/payment_methods/{id}`: a test card."""
    params.refuse_unknown()
    if not identifier.startswith("pm_") or identifier not in CARDS:
        raise no_such("PaymentMethod", identifier[:80])
    return Outcome(render(CARDS[identifier]))


def render(card: Card) -> dict[str, Any]:
    """A payment method object."""
    return {
        "id": card.name,
        "object": "payment_method",
        "card": {"brand": card.brand, "exp_month": 12, "exp_year": 2034, "funding": "credit", "last4": card.last4},
        "customer": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def raw_card_data() -> Refused:
    """Stripe's answer to a card number."""
    return Refused(
        "Sending credit card numbers directly to the Stripe API is generally unsafe. To continue processing use a test "
        "token or a test payment method, see https://docs.stripe.com/testing.",
        status=402,
    )
