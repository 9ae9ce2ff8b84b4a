"""Incident 5 on a real yard: broken, the symptom is seen; healed, it is gone; and whatever happens between, it is healed."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from .conftest import BIN, YARD, Drill, environment

Kubectl = Callable[..., str]


def result_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stdout, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_every_claim_of_the_incident_is_observed(yard: dict[str, Any], drill: Drill, home: Path) -> None:
    done = drill("run", "incident-5", "--seed", "5", "--orders", "3", "--json")
    result = result_of(done)

    assert [check for check in result["checks"] if check["outcome"] != "kept"] == []
    assert (result["verdict"], done.returncode) == ("kept", 0)
    record = Path(result["record"])
    queries = json.loads((record / "evidence" / "queries.json").read_text())
    counts = {(row["query"], row["source"]): row["count"] for row in queries}
    assert counts['kube_namespace:sock-shop service:shipping "Published"', "document"] == 0
    assert counts['kube_namespace:sock-shop service:sock-shop-shipping "Published"', "corrected"] >= 3
    page = (record / "report.html").read_text()
    assert "KEPT" in page
    assert "http://" not in re.sub(r"http://(127\.0\.0\.1|www\.w3\.org|payment|orders|user|carts)", "", page)


def test_an_investigator_is_let_in_and_what_it_changed_is_recorded(yard: dict[str, Any], drill: Drill) -> None:
    command = [str(BIN / "kubectl"), "-n", "sock-shop", "scale", "deployment/queue-master", "--replicas=1"]
    result = result_of(drill("run", "incident-5", "--seed", "6", "--orders", "1", "--json", "--", *command))

    assert result["verdict"] == "kept", result["reason"]
    evidence = Path(result["record"]) / "evidence"
    assert "scaled" in (evidence / "investigator-output.txt").read_text()
    assert json.loads((evidence / "investigator-changes.json").read_text()) == [
        "deployments/queue-master.replicas: 0 → 1"
    ]
    asked = json.loads((evidence / "investigator-requests.json").read_text())
    scaled = [row for row in asked if row["verb"] == "patch"]
    assert [(row["code"], "deployments/queue-master/scale" in row["uri"]) for row in scaled] == [(200, True)]


def test_an_incident_whose_fault_has_no_effect_ends_invalid(yard: dict[str, Any], drill: Drill, tmp_path: Path) -> None:
    import drillyard.incidents

    text = (Path(drillyard.incidents.__path__[0]) / "queue_consumer_down" / "incident.yaml").read_text()
    fault = "scale_deployment: {deployment: queue-master, replicas: 0, queue: shipping-task}"
    path = tmp_path / "inert.yaml"
    path.write_text(
        text.replace(fault, "scale_deployment: {deployment: queue-master, replicas: 1, queue: shipping-task}")
    )

    done = drill("run", str(path), "--json")

    result = result_of(done)
    assert (result["verdict"], done.returncode) == ("invalid", 70)
    assert "never on" in result["reason"]


def test_a_misspelt_key_is_one_sentence_with_file_and_line(yard: dict[str, Any], drill: Drill, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("name: bad\ntitel: x\n")

    done = drill("run", str(path))

    assert done.returncode == 2
    assert f'{path}:2: "titel" is not a key' in done.stderr
    assert "Traceback" not in done.stderr


def test_a_runner_that_was_killed_is_cleared_up_after(
    yard: dict[str, Any], drill: Drill, home: Path, kubectl: Kubectl
) -> None:
    faults = home / "yards" / YARD / "faults.json"
    runner = subprocess.Popen(
        [str(BIN / "drill"), "run", "incident-5", "--", "sleep", "60"],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    wait_for(faults.exists)
    runner.kill()
    runner.wait()

    done = drill("recover")

    assert "Healed: “deployment queue-master scaled to 0” is over" in done.stdout
    assert not faults.exists()
    assert replicas(kubectl) == "1"


def hear_ctrl_c() -> None:
    """A shell's background job, as a test run may be one, is started with SIGINT ignored; its children would inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_heals_before_it_ends(yard: dict[str, Any], home: Path, kubectl: Kubectl) -> None:
    faults = home / "yards" / YARD / "faults.json"
    runner = subprocess.Popen(
        [str(BIN / "drill"), "run", "incident-5", "--", "sleep", "60"],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        stdin=subprocess.DEVNULL,
        preexec_fn=hear_ctrl_c,  # noqa: PLW1509
    )
    try:
        wait_for(faults.exists)
        runner.send_signal(signal.SIGINT)
        _, errors = runner.communicate(timeout=60)
    finally:
        runner.kill()
        runner.wait()

    assert not faults.exists()
    assert replicas(kubectl) == "1"
    assert "Traceback" not in errors
    assert runner.returncode in (3, 130)


def test_a_second_start_of_the_same_yard_is_refused(yard: dict[str, Any], drill: Drill) -> None:
    done = drill("up")

    assert done.returncode == 1
    assert f"Yard {YARD} is already up" in done.stderr
    assert drill("status").returncode == 0


def test_an_order_outlives_the_kill_of_any_process_that_knows_of_it(
    yard: dict[str, Any], drill: Drill, kubectl: Kubectl
) -> None:
    """The database is killed in the middle; what was answered 201 before is still there, charged once, and ships."""
    result = result_of(drill("run", "incident-5", "--seed", "7", "--orders", "2", "--json"))
    before = kubectl(
        "-n",
        "sock-shop",
        "get",
        "pods",
        "-l",
        "name=orders-db",
        "-o",
        "jsonpath={.items[0].status.containerStatuses[0].restartCount}",
    )
    [server] = [p for p in psutil.process_iter(["cmdline"]) if is_server(p, kubectl)]
    server.kill()

    def back() -> bool:
        text = kubectl(
            "-n",
            "sock-shop",
            "get",
            "pods",
            "-l",
            "name=orders-db",
            "-o",
            "jsonpath={.items[0].status.containerStatuses[0].restartCount} {.items[0].status.containerStatuses[0].ready}",
        )
        return text == f"{int(before) + 1} true"

    wait_for(back)
    again = result_of(drill("run", "incident-5", "--seed", "8", "--orders", "1", "--json"))
    assert (result["verdict"], again["verdict"]) == ("kept", "kept"), again["reason"]


def is_server(process: psutil.Process, kubectl: Kubectl) -> bool:
    command = process.info["cmdline"] or []
    if not command or not command[0].endswith("postgres"):
        return False
    uid = kubectl("-n", "sock-shop", "get", "pods", "-l", "name=orders-db", "-o", "jsonpath={.items[0].metadata.uid}")
    return uid in " ".join(command)


def replicas(kubectl: Kubectl) -> str:
    return kubectl("-n", "sock-shop", "get", "deployment", "queue-master", "-o", "jsonpath={.spec.replicas}")


def wait_for(holds: Callable[[], bool], limit_s: float = 30) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline
        with contextlib.suppress(OSError):
            time.sleep(0.05)


@pytest.mark.parametrize(
    "command",
    [
        "up",
        "status",
        "down",
        "env",
        "endpoints",
        "logs",
        "incidents",
        "faults",
        "run",
        "inject",
        "heal",
        "recover",
        "records",
        "demo",
    ],
)
def test_every_command_teaches(command: str, drill: Drill) -> None:
    done = drill(command, "--help")

    assert done.returncode == 0
    assert os.linesep in done.stdout
