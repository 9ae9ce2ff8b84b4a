"""
The drill's own orders, which prove that the shop is whole before and after, told from those of its shoppers.
"""

from __future__ import annotations

from drillyard.record import Record

_NAMES = ("canary-", "crowd-rehearsal-")


def own_orders(record: Record) -> frozenset[str]:
    """The ids of the stored orders whose customer is one of the drill's own testers."""
    return frozenset(
        str(order.get("id"))
        for order in record.ledger("orders") or ()
        if str((order.get("customer") or {}).get("username")).startswith(_NAMES)
    )
