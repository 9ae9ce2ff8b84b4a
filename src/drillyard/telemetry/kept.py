"""
Reads what was kept in a JSON file, and says which file it is when that cannot be done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from drillyard.base.errors import DrillyardError


def read_kept(path: Path) -> Any:
    """The content, None when there is no file. Raises DrillyardError for a damaged one."""
    try:
        return orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError) as wrong:
        raise DrillyardError(f"{path} cannot be read: {wrong}.", hint="Remove it to start without.") from wrong
