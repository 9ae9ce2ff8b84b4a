"""
`drill reconcile` after real incidents: every order ends PAID and SHIPPED or its money goes back, to the cent.

The yard is the session's: whatever incidents were played in it before have left their orders too.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from .conftest import Drill


def reconcile(drill: Drill, *options: str) -> dict[str, Any]:
    done = drill("reconcile", "--settle", "0", "--json", *options)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_captured_money_goes_back_or_its_order_is_shipped(yard: dict[str, Any], drill: Drill, tmp_path: Path) -> None:
    lost = drill("run", "payment-captured-lost", "--orders", "2", "--json")
    assert json.loads(lost.stdout)["verdict"] == "kept", lost.stdout

    proposed = reconcile(drill)
    failed = [one for one in proposed["proposed"] if one["case"] == "charged_order_failed"]
    assert len(failed) >= 2
    assert proposed["totals"]["held_cents"] - proposed["totals"]["paid_cents"] >= sum(one["cents"] for one in failed)

    back = reconcile(drill, "--captured", "refund", "--apply")
    assert {one["outcome"] for one in back["done"] if one["action"] not in ("look", "wait")} == {"done"}
    assert [one for one in back["left"] if one["action"] != "look"] == []
    refunded = {one["order_id"] for one in back["done"] if one["action"] == "refund"}
    rows = {row["order_id"]: row for row in back["rows"]}
    assert {one["order_id"] for one in failed} <= refunded
    assert all(rows[one]["charged_cents"] == rows[one]["refunded_cents"] > 0 for one in refunded)
    assert {"charged_order_failed", "stuck", "paid_not_shipped"}.isdisjoint(back["counts"])

    again = drill("run", "payment-captured-lost", "--orders", "2", "--json")
    assert json.loads(again.stdout)["verdict"] == "kept", again.stdout
    table = tmp_path / "orders.csv"
    shipped = reconcile(drill, "--apply", "--csv", str(table))
    fulfilled = [one for one in shipped["done"] if one["action"] == "fulfil"]
    assert [one["outcome"] for one in fulfilled] == ["done", "done"]
    rows = {row["order_id"]: row for row in csv.DictReader(table.read_text().splitlines())}  # type: ignore[misc]
    for one in fulfilled:
        row = rows[one["order_id"]]
        assert (row["order_status"], row["processed"], row["charged_cents"]) == ("SHIPPED", "1", str(one["cents"]))
        assert row["order_cents"] == row["charged_cents"]

    audit = [json.loads(line) for line in (Path(shipped["folder"]) / "audit.jsonl").read_text().splitlines()]
    for one in [*fulfilled, *(o for o in back["done"] if o["action"] == "refund")]:
        mine = [row["outcome"] for row in audit if row["order_id"] == one["order_id"]]
        assert mine == ["begun", "done"]
        assert (Path(shipped["folder"]) / "letters" / f"{one['order_id']}.md").read_text().startswith("# Your ")

    third = reconcile(drill, "--apply")
    assert [one for one in third["done"] if one["outcome"] != "left"] == []
    assert len((Path(shipped["folder"]) / "audit.jsonl").read_text().splitlines()) == len(audit)
