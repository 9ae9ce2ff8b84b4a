"""
How this `drill` was called, so that every command it prints can be copied as it stands.

Sentences name the command `drill`. After `make demo` no `drill` is on PATH, and that word alone would not be found.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from functools import cache
from pathlib import Path

_NAMED = re.compile(r"(?:(?<=`)|(?<=\$\())drill(?= [a-z-])")


@cache
def typed() -> str:
    """`drill` where PATH leads to this very program, else the path it was called by, such as `.venv/bin/drill`."""
    called = Path(sys.argv[0])
    if called.name != "drill" or not called.is_file():
        return "drill"
    found = shutil.which("drill")
    return "drill" if found and called.samefile(found) else shlex.quote(sys.argv[0])


def as_typed(text: str) -> str:
    """The text with every command that it names (`drill …`, $(drill …)) as it is typed."""
    return _NAMED.sub(lambda _: typed(), text)
