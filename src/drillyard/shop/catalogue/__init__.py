"""
catalogue: the socks on sale.
"""

from drillyard.shop.catalogue.program import CatalogueSettings, main

__all__ = ["CatalogueSettings", "main"]
