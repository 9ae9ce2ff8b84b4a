"""
Every incident has each of its five proofs. The table is made from the catalogue and from what `make catalogue` plays, so
an incident without one of them fails here, in the default run, before anything is started.
"""

from __future__ import annotations

import pytest

from drillyard.incidents.catalogue import find
from drillyard.incidents.schema import Incident

from .test_catalogue import NAMES, plan

EVERYTHING = plan(everything=True)
SILENT = {"no_logs", "restarts"}


def _kinds(expectations: list[object]) -> list[str]:
    return [next(kind for kind, value in one if value is not None) for one in expectations]  # type: ignore[attr-defined]


def row(incident: Incident) -> dict[str, list[str]]:
    """The incident's line of the table: what proves each promise."""
    played = EVERYTHING.played
    pairs = [
        f"plays {at + 1} and {at + 2}" for at in range(len(played) - 1) if played[at : at + 2] == [incident.name] * 2
    ]
    seen = _kinds(incident.while_on)
    return {
        "its symptom is seen": [kind for kind in seen if kind not in SILENT],
        "what is healthy stays so": [kind for kind in seen if kind == "restarts"],
        "healed is what processes an order": [kind for kind in _kinds(incident.recovered) if kind == "canary"],
        "played twice in a row": pairs,
        "sabotaged, it is INVALID": [way for name, way in EVERYTHING.sabotaged if name == incident.name],
    }


TABLE = {name: row(find(name)) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_every_incident_has_its_five_proofs(name: str) -> None:
    assert [promise for promise, proofs in TABLE[name].items() if not proofs] == []


def test_the_catalogue_is_the_one_that_is_promised() -> None:
    assert len(TABLE) == 20


def test_three_more_are_drawn_by_the_day() -> None:
    assert len(EVERYTHING.played) == 2 * len(NAMES) + 3
