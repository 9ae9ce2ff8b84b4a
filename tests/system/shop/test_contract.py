"""
The wire contract as a table, one case a row, held against the running services. The rows are in contract/*.yaml.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import httpx
import pytest

from .conftest import Processes, Shop, start_front_end
from .contract_case import Asker, Case, cases, hold

CASES = list(cases())
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def urls(lasting: Processes, shop: Shop) -> Mapping[str, str]:
    """Every service of the contract by its name; the front end is wired to the others."""
    front_end = start_front_end(lasting, shop)
    services = {name.replace("_", "-"): service.url for name, service in vars(shop).items()}
    return {**services, "front-end": front_end.url}


@pytest.fixture(scope="module")
def transport() -> Iterator[httpx.HTTPTransport]:
    """Connections that all rows share; each row is a client of its own, with its own cookies."""
    with httpx.HTTPTransport(retries=0) as shared:
        yield shared


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_contract(case: Case, urls: Mapping[str, str], transport: httpx.HTTPTransport) -> None:
    number = next(_numbers)
    names = {"cart": f"0Ejzd-HXkwrbbUfWHwoYX1msuQp3-{number}", "name": f"contract-{number}"}
    client = httpx.Client(transport=transport, timeout=15, trust_env=False)
    asker = Asker(client, urls, names)

    hold(case, asker.play(case), asker.filled)


def test_the_table_is_long_enough_and_every_row_says_something_of_an_answer() -> None:
    assert len(CASES) >= 250
    assert [str(case) for case in CASES if not case.asserts_more_than_a_status] == []
    assert {case.service for case in CASES} == {
        "carts",
        "catalogue",
        "front-end",
        "orders",
        "payment",
        "queue-master",
        "shipping",
        "user",
    }
