"""
Shoppers: scripted journeys, each keeping its own ledger of what it asked and got.
"""

from drillyard.load.canary import CanaryResult, StatusSeen, canary_order, watch_order
from drillyard.load.ledger import Attempt, AttemptOutcome, ShopperLedger
from drillyard.load.shop_client import SEED_ACCOUNT, Account, HttpProblem, JourneyProblem, ShopClient, TransportProblem
from drillyard.load.shopping import Habits, place_orders

__all__ = [
    "SEED_ACCOUNT",
    "Account",
    "Attempt",
    "AttemptOutcome",
    "CanaryResult",
    "Habits",
    "HttpProblem",
    "JourneyProblem",
    "ShopClient",
    "ShopperLedger",
    "StatusSeen",
    "TransportProblem",
    "canary_order",
    "place_orders",
    "watch_order",
]
