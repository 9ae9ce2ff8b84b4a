"""
Words: how message text is cut, for the index and for the query alike.

A word is a run of letters, digits and `_`, in lower case; everything else separates. So `"hello world"` finds `Hello,
World-wide`, and `payment_failed` is one word (Datadog's matcher `word` includes `_`). Index and matcher both cut with
`words`, so that they cannot disagree. Wildcards inside a pattern are two private characters, ANY and ONE: what the user
typed as a literal star stays a star.
"""

from __future__ import annotations

import re
from functools import lru_cache

ANY = "\ue000"
"""Stands for `*` in a pattern: any run of characters, also none."""
ONE = "\ue001"
"""Stands for `?` in a pattern: exactly one character."""
WORD_LENGTH_MAX = 256
"""A longer word is cut here, in the index and in the query: base64 blobs must not fill the index."""

_WORD = re.compile(r"\w+")
_WORD_PATTERN = re.compile(rf"[\w{ANY}{ONE}]+")


def words(text: str) -> list[str]:
    """The words of a text in their order."""
    return [word[:WORD_LENGTH_MAX] for word in _WORD.findall(text.lower())]


def word_patterns(pattern: str) -> tuple[str, ...]:
    """The words of a search pattern, wildcards kept; runs of `*` count as one."""
    found = _WORD_PATTERN.findall(pattern.lower())
    return tuple(re.sub(f"{ANY}+", ANY, word)[:WORD_LENGTH_MAX] for word in found)


def is_wild(pattern: str) -> bool:
    """Whether the pattern holds a wildcard."""
    return ANY in pattern or ONE in pattern


@lru_cache(maxsize=1024)
def glob(pattern: str) -> re.Pattern[str]:
    """
    A regular expression for a pattern with wildcards, anchored at both ends.

    Each star takes as little as it can and is never tried again (an atomic group), so that `*a*a*a*a*b` on a long text
    costs its length and not a power of it.
    """
    pieces = re.sub(f"{ANY}+", ANY, pattern).split(ANY)
    texts = ["".join("." if char == ONE else re.escape(char) for char in piece) for piece in pieces]
    if len(texts) == 1:
        return re.compile(f"(?s:{texts[0]})\\Z")
    middle = "".join(f"(?>.*?{text})" for text in texts[1:-1])
    return re.compile(f"(?s:{texts[0]}{middle}.*{texts[-1]})\\Z")
