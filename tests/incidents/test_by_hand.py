"""What a person puts in by hand is on until it is healed, by hand or by the yard itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from drillyard.drills.one_at_a_time import one_at_a_time
from drillyard.yard.home import YardFolder

from .conftest import BIN, YARD, Drill, environment
from .test_incident_5 import wait_for


def active(drill: Drill) -> list[str]:
    found: list[str] = json.loads(drill("status", "--json").stdout)["active_faults"]
    return found


def latest(drill: Drill) -> dict[str, Any]:
    records: list[dict[str, Any]] = json.loads(drill("records", "--json").stdout)
    return records[0]


def test_what_was_put_in_by_hand_is_shown_and_healed(yard: dict[str, Any], drill: Drill) -> None:
    put_in = drill("inject", "gateway-rate-limited")
    assert put_in.returncode == 0, put_in.stderr

    assert [text for text in active(drill) if "rate limit" in text and "UTC" in text]
    fighting = drill("inject", "payment-500")
    assert (fighting.returncode, "already misbehaves" in fighting.stderr) == (1, True)
    played = json.loads(drill("run", "payment-outage", "--json").stdout)
    assert (played["verdict"], "broken on purpose already" in played["reason"]) == ("invalid", True)

    assert "Healed: “the bank misbehaves: rate limit” is over" in drill("heal").stdout
    assert active(drill) == []
    assert drill("heal").stdout == "Nothing is broken on purpose.\n"


def test_the_yard_heals_what_was_put_in_when_its_time_is_over(yard: dict[str, Any], drill: Drill, home: Path) -> None:
    assert drill("inject", "gateway-rate-limited", "--duration", "1").returncode == 0

    log = home / "yards" / YARD / "control-plane.log"
    wait_for(
        lambda: "dead man's switch: Healed: “the bank misbehaves: rate limit” is over" in log.read_text(), limit_s=20
    )
    assert active(drill) == []


def test_the_yard_heals_what_a_killed_drill_left(yard: dict[str, Any], drill: Drill, home: Path) -> None:
    faults = home / "yards" / YARD / "faults.json"
    runner = subprocess.Popen(
        [str(BIN / "drill"), "run", "payment-500", "--", "sleep", "30"],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    wait_for(faults.exists)
    runner.kill()
    runner.wait()

    wait_for(lambda: not faults.exists(), limit_s=60)
    assert active(drill) == []
    wait_for(lambda: latest(drill)["state"] == "invalid")
    assert "the dead man's switch healed the yard afterwards: Healed: “the bank misbehaves" in latest(drill)["reason"]


def test_nothing_is_put_in_while_a_drill_is_played(yard: dict[str, Any], drill: Drill, home: Path) -> None:
    with one_at_a_time(YardFolder(home, YARD)):
        refused = drill("inject", "payment-500")
        second = drill("run", "payment-500", "--json")

    for done, code in ((refused, 1), (second, 70)):
        assert (done.returncode, done.stdout) == (code, "")
        assert "A drill is being played in yard tested" in done.stderr
    assert active(drill) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "sentence"),
    [
        ("PUT", "/holds/x", {"kind": "table_lock", "store": "catalogue-db"}, 400, "database is None"),
        ("PUT", "/holds/x", {"kind": "flood"}, 400, "kind is 'flood'; it must be one of table_lock"),
        ("PUT", "/holds/x", [1], 400, "no JSON object"),
        ("PUT", "/links/x", {"client": "*", "service": "payment"}, 400, "needs a name and a service"),
        ("PUT", "/links/x", {"client": "*", "service": "sock-shop/payment", "loss": 0.1}, 400, "has no 'loss'"),
        ("POST", "/pods/sock-shop/nobody/freeze", None, 404, "nobody"),
    ],
)
def test_a_wish_that_does_not_fit_is_refused_in_a_sentence(
    method: str, path: str, body: Any, status: int, sentence: str, yard: dict[str, Any]
) -> None:
    key = {"Authorization": f"Bearer {yard['control_token']}"}
    answer = httpx.request(method, yard["control_url"] + path, json=body, headers=key)

    assert (answer.status_code, sentence in answer.json()["error"]) == (status, True), answer.text


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "\u00e9"}])
def test_without_the_token_nothing_can_be_done(header: dict[str, str], yard: dict[str, Any]) -> None:
    headers = {name: value.encode() for name, value in header.items()}
    answer = httpx.put(yard["control_url"] + "/links/x", json={}, headers=headers)

    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("wish", "status", "said"),
    [
        ({"client": "sock-shop/front-end", "service": "sock-shop/catalogue"}, 200, '"status": 200'),
        ({"client": "host", "service": "sock-shop/front-end", "path": "/"}, 200, '"status": 200'),
        ({"client": "sock-shop/nobody", "service": "sock-shop/catalogue"}, 400, "There is no link from"),
    ],
)
def test_a_link_can_be_looked_at_from_its_own_client(
    wish: dict[str, Any], status: int, said: str, yard: dict[str, Any]
) -> None:
    key = {"Authorization": f"Bearer {yard['control_token']}"}
    answer = httpx.post(yard["control_url"] + "/probe", json=wish, headers=key)

    assert (answer.status_code, said in answer.text) == (status, True), answer.text
