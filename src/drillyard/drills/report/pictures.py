"""
The pictures of a record, each with what it shows and what it cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from drillyard.record import Record

_SHOWS = {
    "shop-during": "The shop's list of socks while the fault was on, as a customer's browser (Chromium) showed it"
}


@dataclass(frozen=True)
class Picture:
    """`evidence/NAME.png`, and a sentence under it."""

    name: str
    caption: str


def pictures(record: Record) -> tuple[Picture, ...]:
    """By name; one that the record tells no times of has a caption without."""
    times = record.evidence("pictures")
    known: Mapping[str, Any] = times if isinstance(times, Mapping) else {}
    return tuple(Picture(name, _caption(name, known.get(name))) for name in record.picture_names)


def _caption(name: str, times: Any) -> str:
    shows = _SHOWS.get(name, f"The shop's page ({name})")
    if not isinstance(times, Mapping):
        return f"{shows}."
    return (
        f"{shows}. It took {times.get('took_s')} s, beside the load and the observation; "
        f"the fault stayed on {times.get('longer_s')} s longer for it."
    )
