"""
What may stand in a record: plain JSON, and no secret.

A record is meant to be handed to somebody else. The shop's own answers carry card numbers and CCVs, so everything
that is written passes through `plain`, which masks them, whatever part of the drill collected it.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from pathlib import PurePath
from typing import Any

from drillyard.base.clock import rfc3339

_HIDDEN_WHOLE = {"ccv", "cvc", "password", "authorization", "api_key", "dd-api-key", "dd-application-key", "set-cookie"}
_HIDDEN_BUT_LAST_4 = {"longnum", "card_number"}
_IN_TEXT = re.compile(
    r"""(?P<key>longNum|ccv|cvc|password)(?P<middle>\\?["']?\s*[=:]\s*\\?["']?)(?P<value>[^\s"'\\,}&]+)""",
    re.IGNORECASE,
)
_DEPTH_MAX = 64


def plain(content: Any) -> Any:
    """
    The content as JSON types: dataclasses, enums, times (RFC 3339, UTC), paths and sets turn into them; secrets are
    masked.

    NaN and infinities become null, because JSON has no word for them. Raises TypeError for a type that has no JSON
    form, ValueError for a time without a zone or for nesting over 64 levels.
    """
    return _plain(content, 0)


def as_line(content: Any) -> bytes:
    """One JSON text in one line, with its newline."""
    return _encode(json.dumps(plain(content), ensure_ascii=False, allow_nan=False)) + b"\n"


def as_document(content: Any) -> bytes:
    """One indented JSON text for people to read."""
    return _encode(json.dumps(plain(content), ensure_ascii=False, allow_nan=False, indent=1)) + b"\n"


def _encode(text: str) -> bytes:
    # A lone surrogate (from a broken log line) becomes \udXXX, which is a valid JSON escape.
    return text.encode("utf-8", errors="backslashreplace")


def _plain(content: Any, depth: int) -> Any:
    if depth > _DEPTH_MAX:
        raise ValueError(f"nested over {_DEPTH_MAX} levels deep")
    if content is None or isinstance(content, bool | int):
        return content
    if isinstance(content, str):
        return mask(str(content))
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    if isinstance(content, Enum):
        return _plain(content.value, depth + 1)
    if isinstance(content, datetime):
        return rfc3339(content)
    if isinstance(content, PurePath):
        return str(content)
    if dataclasses.is_dataclass(content) and not isinstance(content, type):
        content = {field.name: getattr(content, field.name) for field in dataclasses.fields(content)}
    if isinstance(content, Mapping):
        return {str(key): _plain(_hide(str(key), value), depth + 1) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(item, depth + 1) for item in content]
    if isinstance(content, set | frozenset):
        return sorted((_plain(item, depth + 1) for item in content), key=str)
    raise TypeError(f"a {type(content).__name__} cannot stand in a record")


def _hide(key: str, value: Any) -> Any:
    if not isinstance(value, str | int) or isinstance(value, bool):
        return value
    if key.lower() in _HIDDEN_WHOLE:
        return "***"
    return _all_but_last_4(str(value)) if key.lower() in _HIDDEN_BUT_LAST_4 else value


def _all_but_last_4(number: str) -> str:
    return "***" + number[-4:] if len(number) > 8 else "***"


def mask(text: str) -> str:
    """The text with the values of card numbers, CCVs and passwords (`longNum=…`, `"ccv": "…"`) hidden."""

    def hidden(match: re.Match[str]) -> str:
        value = _all_but_last_4(match["value"]) if match["key"].lower() == "longnum" else "***"
        return match["key"] + match["middle"] + value

    return _IN_TEXT.sub(hidden, text)
