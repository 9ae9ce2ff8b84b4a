"""
Tables for people: folded to the width of a terminal, and a line a row where something else reads them (`| grep`).
"""

from __future__ import annotations

import os
import sys

from rich.console import Console
from rich.table import Table

_WIDE = 10_000


def print_table(table: Table) -> None:
    """Prints it to stdout; `COLUMNS` sets the width everywhere, as for other tools. Cells are no markup."""
    folded = sys.stdout.isatty() or "COLUMNS" in os.environ
    Console(width=None if folded else _WIDE, highlight=False, markup=False).print(table)
