"""The documents' numbers and letters find their incidents, and every incident says enough to be played and judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from drillyard.base.errors import DrillyardError
from drillyard.incidents import catalogue
from drillyard.incidents.schema import Incident

ROOT = Path(__file__).resolve().parents[3]
ALL = catalogue.all_incidents()


@pytest.mark.parametrize(
    ("asked", "method", "name"),
    [
        ("incident-3", None, "payment-outage"),
        ("incident-3", "A", "payment-outage"),
        ("incident-3", "b", "payment-slow"),
        ("incident-3", "C", "payment-500"),
        ("incident-3d", None, "payment-captured-lost"),
        ("payment-outage", "B", "payment-slow"),
        ("incident-5", None, "queue-consumer-down"),
        ("incident-5", "A", "queue-capacity-silent"),
        ("incident-5c", None, "queue-capacity-visible"),
        ("incident-6", None, "gateway-down"),
        ("incident-6-429", None, "gateway-rate-limited"),
        ("incident-8", None, "catalogue-db-slow"),
        ("incident-8", "A", "catalogue-db-locked"),
        ("incident-8p", None, "catalogue-db-pool"),
    ],
)
def test_a_number_and_a_letter_name_an_incident(asked: str, method: str | None, name: str) -> None:
    assert catalogue.find(asked, method).name == name


@pytest.mark.parametrize("asked", ["incident-3", "poison-message", "incident-5"])
def test_a_letter_that_there_is_not_is_refused_with_those_that_there_are(asked: str) -> None:
    with pytest.raises(DrillyardError, match=f'{asked} has no method "Z"') as refusal:
        catalogue.find(asked, "Z")
    assert refusal.value.hint


def test_no_two_incidents_share_a_name() -> None:
    names = [name for one in ALL for name in one.names]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("incident", ALL, ids=lambda one: one.name)
def test_the_brief_does_not_give_the_cause_away(incident: Incident) -> None:
    """What users say names no replica, policy, pipeline or setting."""
    for secret in ("scaled", "replica", "policy", "pipeline", "max-length", "confirms", "LOCK", "ORDER_PAGES", "429"):
        assert secret.lower() not in incident.brief.lower()


@pytest.mark.parametrize("incident", ALL, ids=lambda one: one.name)
def test_every_incident_proves_that_the_shop_is_whole_again(incident: Incident) -> None:
    assert any(one.canary for one in incident.recovered)


FIGHT = """\
name: fight
title: Two at once
severity: P3
brief: Something is wrong.
cause: Two faults.
faults:
  - bank_behaviour: {mode: rate_limit}
  - scale_deployment: {deployment: payment}
after_load:
  - bank_behaviour: {mode: error_before_capture}
while_on:
  - canary: {}
recovered:
  - canary: {}
"""


def test_two_faults_that_fight_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "fight.yaml"
    path.write_text(FIGHT)

    with pytest.raises(catalogue.IncidentFileError) as refusal:
        catalogue.read(path)
    assert f"{path}:10: Two faults fight over the bank's behaviour" in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("after_load:\n  - bank_behaviour: {mode: error_before_capture}\n", "load: {orders: 0}\n"), "give orders or"),
        (("  - canary: {}\nrecovered", "  - order_book: {statuses: {LOST: 1}, charges: 0}\nrecovered"), "LOST"),
        (("cause: Two faults.", "cause: Two faults.\nmethod: B"), "a method belongs to a number"),
    ],
)
def test_what_cannot_be_played_is_refused(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    path = tmp_path / "mine.yaml"
    text = FIGHT.replace(*change)
    path.write_text(text)

    with pytest.raises(catalogue.IncidentFileError, match=sentence):
        catalogue.read(path)


def test_the_published_schema_is_the_models_own() -> None:
    published = json.loads((ROOT / "docs" / "incident.schema.json").read_text())

    assert published == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **json.loads(json.dumps(Incident.model_json_schema())),
    }


def test_every_key_of_the_catalogue_is_in_the_published_schema() -> None:
    known = set(json.loads((ROOT / "docs" / "incident.schema.json").read_text())["properties"])

    for path in (ROOT / "src" / "drillyard" / "incidents").glob("*/incident.yaml"):
        assert set(yaml.safe_load(path.read_text())) <= known
