"""
The progress of a start, as it happens: a line that moves in a terminal, a line per step in a log.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from rich.console import Console

Progress = Callable[[str], None]


@contextlib.contextmanager
def starting(yard: str, *, quiet: bool = False) -> Iterator[Progress]:
    """Gives a function to report steps to; prints how long the whole took."""
    console = Console(stderr=True)
    began = time.monotonic()
    if quiet:
        yield lambda _: None
        return
    if not sys.stderr.isatty():
        yield lambda text: console.print(f"  {time.monotonic() - began:4.1f} s  {text}", highlight=False)
    else:
        with console.status(f"Starting yard {yard} …") as status:
            yield lambda text: status.update(f"Starting yard {yard}: {text}")
    console.print(f"Yard {yard} is up after {time.monotonic() - began:.1f} s.", highlight=False)
