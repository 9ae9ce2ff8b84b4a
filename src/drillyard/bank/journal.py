"""
The bank's log: one logfmt line for each charge and refund, on stdout.

A value that a caller chose is written only when it looks like an identifier, so that neither a card number nor a
forged line gets in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from drillyard.base.clock import rfc3339

Write = Callable[[str], None]

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_DIGITS_OF_A_CARD = re.compile(r"(?:[0-9][_.:-]?){12,19}")


def line(moment: datetime, fields: Mapping[str, str | int], *, level: str = "info") -> str:
    """`ts=… level=info msg="charge succeeded" charge=ch_… amount_cents=1999 …`."""
    parts = [f"ts={rfc3339(moment)}", f"level={level}"]
    for name, value in fields.items():
        if name == "msg":
            parts.append(f'msg="{value}"')
        elif name == "order_id":
            parts.append(f"order_id={_safe(str(value))}")
        else:
            parts.append(f"{name}={value}")
    return " ".join(parts)


def _safe(value: str) -> str:
    if not _IDENTIFIER.fullmatch(value) or _DIGITS_OF_A_CARD.fullmatch(value):
        return "(not shown)"
    return value
