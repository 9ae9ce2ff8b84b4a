"""
orders: takes an order, has it paid and shipped, and remembers what became of it.
"""

from drillyard.shop.orders.program import OrdersSettings, main

__all__ = ["OrdersSettings", "main"]
