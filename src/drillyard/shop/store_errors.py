"""
The two ways in which a store fails a service, apart from a broken rule of its own (asyncpg's UniqueViolationError).
"""

from __future__ import annotations


class DatabaseUnavailable(Exception):
    """The store could not answer. The text says which and why, in a few words."""


class UnfitValue(Exception):
    """The store cannot hold this value."""
