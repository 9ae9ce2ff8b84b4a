"""
A log's status: eight syslog words and `ok`, whatever was sent (Datadog's "Log status remapper").
"""

from __future__ import annotations

from functools import lru_cache

TEXT_MAX = 100
"""Only so many characters of a status are looked at."""
SEVERITIES = ("emergency", "alert", "critical", "error", "warn", "notice", "info", "debug")

_PREFIXES = (
    ("emerg", "emergency"),
    ("f", "emergency"),
    ("a", "alert"),
    ("c", "critical"),
    ("e", "error"),
    ("w", "warn"),
    ("n", "notice"),
    ("i", "info"),
    ("d", "debug"),
    ("t", "debug"),
    ("v", "debug"),
    ("o", "ok"),
    ("s", "ok"),
)


def normal_status(value: str | int | float | bool) -> str:
    """The status for any value: 0 to 7 are syslog severities, words count by their first letters, the rest is info."""
    return "info" if isinstance(value, bool) else _of_text(str(value)[:TEXT_MAX])


@lru_cache(maxsize=256)
def _of_text(text: str) -> str:
    text = text.strip().lower()
    if text.isdecimal():
        return SEVERITIES[int(text)] if len(text) == 1 and int(text) < len(SEVERITIES) else "info"
    return next((status for prefix, status in _PREFIXES if text.startswith(prefix)), "info")
