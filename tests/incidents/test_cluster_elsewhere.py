"""
`drill --context`: a cluster that is known by its kubeconfig and its Datadog keys alone. The tested yard plays it, seen
from another home, where nothing of it is known.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import BIN, YARD, Drill

NAME = f"drillyard-{YARD}"


@pytest.fixture
def elsewhere(yard: dict[str, Any], home: Path, tmp_path: Path) -> Drill:
    """`drill --context` with another home, and in its environment nothing but the telemetry."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_bytes((home / "yards" / YARD / "kubeconfig").read_bytes())
    ours = ("DRILL", "DD_", "KUBECONFIG", "AMQP_URL", "RABBITMQ_", "PYTHON")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    environment |= {
        "DRILLYARD_HOME": str(tmp_path / "home"),
        "DD_BASE_URL": f"http://{yard['services']['telemetry']}",
        "DD_API_KEY": yard["api_key"],
        "DD_APP_KEY": yard["app_key"],
        "COLUMNS": "200",
    }

    def run(*arguments: str, timeout_s: float = 120, **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, BIN / "drill", "--context", NAME, "--kubeconfig", kubeconfig, *arguments],
            env={**environment, **changed},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return run


def test_incident_5_is_played_through_the_apis_alone(elsewhere: Drill) -> None:
    done = elsewhere("run", "incident-5", "--seed", "5", "--orders", "2", "--json")

    assert done.returncode == 0, done.stderr[-3000:]
    played = json.loads(done.stdout)
    assert played["verdict"] == "kept"
    assert played["command"] == f"drill --context {NAME} run queue-consumer-down --seed 5 --orders 2"


def test_what_needs_a_yard_is_refused_with_a_sentence(elsewhere: Drill) -> None:
    slow = elsewhere("run", "catalogue-db-slow", "--json")
    assert slow.returncode == 70
    assert json.loads(slow.stdout)["reason"] == "This cluster offers no control of links, processes and stores."

    for command in (["up"], ["down"], ["env"], ["endpoints"], ["status"], ["inject", "incident-5"]):
        refused = elsewhere(*command)
        assert (refused.returncode, refused.stdout) == (2, ""), command
        assert "yard" in refused.stderr and "Traceback" not in refused.stderr


def test_a_cluster_that_cannot_be_used_is_named(elsewhere: Drill) -> None:
    nameless = elsewhere("run", "incident-5", DD_BASE_URL="")
    assert nameless.returncode == 70
    assert "Set DD_SITE (such as datadoghq.com) or DD_BASE_URL" in nameless.stderr

    watched = elsewhere("run", "incident-5", "--", "true")
    assert watched.returncode == 2
    assert "Nobody can be let into context" in watched.stderr
