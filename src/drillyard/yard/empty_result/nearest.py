"""
The known names nearest to a wrong one: `shipping` is near `sock-shop-shipping`, `paymnet` near `payment`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

NAMES_MAX = 3
_LIKENESS = 0.6


def nearest(wanted: str, known: Iterable[str]) -> list[str]:
    """At most NAMES_MAX of the known names, best first; none when nothing is near."""
    names = sorted(set(known))
    lower = {name.lower(): name for name in names}
    asked = wanted.lower().strip("*?")
    if not asked:
        return []
    # A part of the name is the commonest mistake, and one that a measure of likeness alone does not find.
    inside = sorted((name for name in lower if asked in name or (len(name) > 2 and name in asked)), key=len)
    alike = difflib.get_close_matches(asked, lower, n=NAMES_MAX, cutoff=_LIKENESS)
    parts = [name for name in lower if _alike_in_part(asked, name)]
    found = dict.fromkeys([*inside, *alike, *parts])
    return [lower[name] for name in found][:NAMES_MAX]


def listed(names: Iterable[str], most: int = 12) -> str:
    """`a, b, c and 4 more`."""
    every = list(names)
    shown = ", ".join(every[:most])
    return f"{shown} and {len(every) - most} more" if len(every) > most else shown


def _alike_in_part(asked: str, name: str) -> bool:
    """Whether a part between hyphens, dots or underscores is nearly the asked word."""
    parts = name.replace("-", " ").replace("_", " ").replace(".", " ").split()
    return bool(difflib.get_close_matches(asked, parts, n=1, cutoff=0.75))
