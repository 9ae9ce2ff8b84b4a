"""
user: customers with their addresses and cards, and whether a password is theirs.
"""

from drillyard.shop.user.program import UserSettings, main

__all__ = ["UserSettings", "main"]
