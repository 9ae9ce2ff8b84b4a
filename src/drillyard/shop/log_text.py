"""
Text for a log line: whatever it holds, it stays on its line.
"""

from __future__ import annotations


def one_line(text: str) -> str:
    """The text with line breaks and other unprintable characters escaped, so that input cannot forge a line."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
