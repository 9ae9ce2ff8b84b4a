"""
carts: what each customer, or each visitor's session, is about to buy.
"""

from drillyard.shop.carts.program import CartsSettings, main

__all__ = ["CartsSettings", "main"]
