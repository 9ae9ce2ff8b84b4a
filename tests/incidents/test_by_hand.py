"""What a person puts in by hand is on until it is healed, by hand or by the yard itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from .conftest import BIN, YARD, Drill, environment
from .test_incident_5 import wait_for


def active(drill: Drill) -> list[str]:
    found: list[str] = json.loads(drill("status", "--json").stdout)["active_faults"]
    return found


def test_what_was_put_in_by_hand_is_shown_and_healed(yard: dict[str, Any], drill: Drill) -> None:
    put_in = drill("inject", "gateway-rate-limited")
    assert put_in.returncode == 0, put_in.stderr

    assert [text for text in active(drill) if "rate limit" in text and "UTC" in text]
    fighting = drill("inject", "payment-500")
    assert (fighting.returncode, "already misbehaves" in fighting.stderr) == (1, True)
    played = json.loads(drill("run", "payment-outage", "--json").stdout)
    assert (played["verdict"], "broken on purpose already" in played["reason"]) == ("invalid", True)

    assert "Healed: the bank misbehaves: rate limit" in drill("heal").stdout
    assert active(drill) == []
    assert drill("heal").stdout == "Nothing is broken on purpose.\n"


def test_the_yard_heals_what_was_put_in_when_its_time_is_over(yard: dict[str, Any], drill: Drill, home: Path) -> None:
    assert drill("inject", "gateway-rate-limited", "--duration", "1").returncode == 0

    log = home / "yards" / YARD / "control-plane.log"
    wait_for(lambda: "dead man's switch: Healed: the bank misbehaves: rate limit" in log.read_text(), limit_s=20)
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

    wait_for(lambda: not faults.exists(), limit_s=20)
    assert active(drill) == []
