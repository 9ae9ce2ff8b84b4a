"""
Compares what shoppers, orders, bank and shipments say, order by order.
"""

from drillyard.reconcile.disagreements import Disagreement, OrderClass
from drillyard.reconcile.reconciliation import OrderRow, Reconciliation, Totals, reconcile

__all__ = ["Disagreement", "OrderClass", "OrderRow", "Reconciliation", "Totals", "reconcile"]
