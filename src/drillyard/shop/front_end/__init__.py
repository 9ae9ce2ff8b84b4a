"""
The shop's face: pages for people, and the JSON behind them, gathered from catalogue, carts, orders and user.

Its routes, statuses and cookies are those of the original Node front-end, so the original's clients and load tests
work against it unmodified. Where the original's process died, this one answers 500.
"""

from drillyard.shop.front_end.program import FrontEndSettings, main

__all__ = ["FrontEndSettings", "main"]
