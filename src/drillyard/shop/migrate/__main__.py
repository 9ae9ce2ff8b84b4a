"""
`python -m drillyard.shop.migrate catalogue postgresql+asyncpg://postgres@127.0.0.1:5432/socksdb`
"""

from __future__ import annotations

import sys

from drillyard.base.errors import DrillyardError
from drillyard.shop.migrate import DATABASES, migrate


def main(arguments: list[str]) -> int:
    """Migrates one database; 0 done, 1 failed, 2 bad usage."""
    if len(arguments) != 2:
        sys.stderr.write(f"Usage: python -m drillyard.shop.migrate {{{'|'.join(DATABASES)}}} URL\n")
        return 2
    try:
        migrate(*arguments)
    except DrillyardError as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    return 0


raise SystemExit(main(sys.argv[1:]))
