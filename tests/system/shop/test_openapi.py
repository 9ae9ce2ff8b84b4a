"""
What docs/openapi says of each service, held by Schemathesis: requests that fit the description, and requests that do not.

Whatever is asked, the answer comes in time, has a status that is described, and the body that is described for it. The
original's 500s for what is unknown are described; a 500 of our own last layer (`internal error`) never is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import load_all_checks
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from .conftest import is_unforeseen
from .test_contract import urls as urls

DESCRIPTIONS = Path(__file__).parents[3] / "docs" / "openapi"
EXAMPLES = int(os.environ.get("OPENAPI_EXAMPLES", "6"))
"""Of each kind for each operation; `make torture` asks for more."""
ANSWER_S = 10
load_all_checks()


def operations() -> list[tuple[str, Any]]:
    found = []
    for path in sorted(DESCRIPTIONS.glob("*.yaml")):
        schema = schemathesis.openapi.from_dict(yaml.safe_load(path.read_text()))
        found += [(path.stem, one.ok()) for one in schema.get_all_operations()]
    return found


FIT, UNFIT = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
CASES = [
    pytest.param(service, operation, mode, id=f"{service} {operation.label} {mode.value}")
    for service, operation in operations()
    for mode in (FIT, UNFIT)
    if mode is FIT or operation.body  # A text in a path or a query is never unfit.
]


@pytest.mark.parametrize(("service", "operation", "mode"), CASES)
def test_every_answer_is_one_that_is_described(
    service: str, operation: Any, mode: GenerationMode, urls: Mapping[str, str]
) -> None:
    requests_of_it = operation.as_strategy(generation_mode=mode)
    with requests.Session() as session:
        session.trust_env = False

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=requests_of_it)
        def answers(case: Any) -> None:
            answer = case.call(base_url=urls[service], session=session, timeout=ANSWER_S, allow_redirects=False)
            hold(case, operation, answer)

        answers()


def hold(case: Any, operation: Any, answer: Any) -> None:
    body = answer.content.decode(errors="replace")
    shown = f"{case.as_curl_command()}\n{answer.status_code} {answer.headers}\n{body[:400]}"
    assert not is_unforeseen(body), shown
    if answer.status_code in (301, 404, 405, 413):  # Another path or method than the one described.
        return
    described = operation.definition.raw["responses"]
    assert str(answer.status_code) in described, shown
    case.validate_response(answer, checks=[content_type_conformance, response_schema_conformance])
