"""An incident file that cannot be played is refused in one sentence with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.base.errors import DrillyardError
from drillyard.incidents import catalogue

GOOD = """\
name: my-incident
title: Mine
severity: P3
brief: Something is wrong.
cause: We did it.
faults:
  - scale_deployment: {deployment: payment}
while_on:
  - queue: {queue: shipping-task, messages: 0, consumers: 1}
recovered:
  - canary: {}
"""


def refused(tmp_path: Path, text: str) -> str:
    path = tmp_path / "incident.yaml"
    path.write_text(text)
    with pytest.raises(catalogue.IncidentFileError) as refusal:
        catalogue.read(path)
    return str(refusal.value).replace(str(tmp_path) + "/", "")


def test_every_incident_of_the_catalogue_can_be_read() -> None:
    assert "queue-consumer-down" in [incident.name for incident in catalogue.all_incidents()]


def test_an_incident_is_found_by_name_and_by_the_documents_number() -> None:
    assert catalogue.find("incident-5") == catalogue.find("queue-consumer-down")


def test_a_misspelt_name_gets_the_nearest_one() -> None:
    with pytest.raises(DrillyardError, match="Did you mean queue-consumer-down"):
        catalogue.find("queue-consumer-dwn")


def test_a_file_of_ones_own_can_be_played(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    assert catalogue.find(str(path)).name == "my-incident"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            ("severity: P3", "severty: P3"),
            'incident.yaml:3: "severty" is not a key that is known here; did you mean severity?',
        ),
        (
            ("severity: P3", "severity: P9"),
            "incident.yaml:3: \"severity\" is 'P9': Input should be 'P1', 'P2', 'P3' or 'P4'.",
        ),
        (("brief: Something is wrong.\n", ""), 'incident.yaml:1: "brief" is missing.'),
        (("consumers: 1", "consumers: one"), "incident.yaml:9: "),
        (("scale_deployment", "scale_deploymnt"), 'incident.yaml:7: There is no fault called "scale_deploymnt".'),
        (
            ("{deployment: payment}", "{deploymen: payment}"),
            'incident.yaml:7: The fault scale_deployment has no key "deploymen".',
        ),
        (("{deployment: payment}", "{}"), 'incident.yaml:7: The fault scale_deployment needs the key "deployment".'),
        (("canary: {}", "canary: {}\n    queue: {queue: a, messages: 0, consumers: 0}"), "incident.yaml:11: "),
        (("name: my-incident", "name: [unclosed"), "incident.yaml:2: not YAML: "),
        ((GOOD, "just a text"), "incident.yaml:1: an incident is a mapping"),
        ((GOOD, ""), "incident.yaml:1: an incident is a mapping"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    message = refused(tmp_path, GOOD.replace(*change))

    assert message.startswith(sentence)
    assert "Traceback" not in message


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(catalogue.IncidentFileError, match="cannot be read"):
        catalogue.read(tmp_path / "absent.yaml")


@given(st.text(max_size=200))
def test_any_text_is_an_incident_or_a_sentence(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "incident.yaml"
        path.write_text(text, encoding="utf-8", errors="replace")
        with pytest.raises(catalogue.IncidentFileError):
            catalogue.read(path)
