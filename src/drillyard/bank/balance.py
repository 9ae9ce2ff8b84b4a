"""
The balance: everything captured, less everything refunded, for each currency (https://docs.stripe.com/api/balance).
There are no fees.
"""

from __future__ import annotations

import sqlite3

from drillyard.bank.forms import Params
from drillyard.bank.outcome import Outcome


def retrieve(ledger: sqlite3.Connection, params: Params) -> Outcome:
    """`GET /v1/balance`. An empty ledger shows 0 in dollars."""
    params.refuse_unknown()
    rows = ledger.execute(
        "SELECT currency, sum(amount_captured_cents - amount_refunded_cents) AS cents FROM charge"
        " GROUP BY currency ORDER BY currency"
    ).fetchall()
    sums = {row["currency"]: row["cents"] for row in rows} or {"usd": 0}
    return Outcome(
        {
            "object": "balance",
            "available": [
                {"amount": cents, "currency": currency, "source_types": {"card": cents}}
                for currency, cents in sums.items()
            ],
            "livemode": False,
            "pending": [{"amount": 0, "currency": currency, "source_types": {"card": 0}} for currency in sums],
        }
    )
