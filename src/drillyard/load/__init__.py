"""
Shoppers: scripted journeys, each keeping its own ledger of what it asked and got.
"""
