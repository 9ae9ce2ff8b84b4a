"""
The runner of a drill killed (-9) at random moments, and who heals the yard then.

A moment is a phase and a part of a second after its beginning, as the runner itself tells it: counted from the start,
a busy machine would move most of them behind the drill's end.

By turns the next command (`drill recover`) or the yard's dead man's switch has to: within 10 s of the command, within
20 s by the switch. After each kill a canary order must reach SHIPPED, nothing may be broken on purpose, the desired
state must be as before, and the record must say what happened.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drillyard.base.clock import SystemClock
from drillyard.drills import desired_state
from drillyard.faults.active import ActiveFaults
from drillyard.load.canary import canary_order
from drillyard.yard.home import yard_folder
from drillyard.yard.yard import open_yard
from torture.torture_yard import DRILL, YARD, drill, say

TITLE = "The runner of a drill killed at random"
INCIDENTS = ("queue-consumer-down", "payment-500", "gateway-down", "catalogue-db-locked", "queue-capacity-silent")
# By how much is broken then: most in the middle.
PHASES = ("BASELINE", *3 * ("INJECT", "LOAD", "OBSERVE", "LAST"), "HEAL", "VERIFY")
LAST_S = 6.0  # So long the fault stays on at least, or there would be no phase LAST.
BY_COMMAND_S = 10.0
BY_SWITCH_S = 20.0


@dataclass(frozen=True)
class Kill:
    """What a kill met and what became of it."""

    incident: str
    moment: str
    broken: list[str]
    by: str
    healed_s: float
    problems: list[str]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runner-kills", type=int, default=20, help="how many runners are killed (default 20)")


def play(options: argparse.Namespace, home: str) -> bool:
    """True when the yard was whole again after each kill, in time, and each record says so."""
    draw = random.Random(options.seed)
    plan = [(draw.choice(INCIDENTS), draw.choice(PHASES), draw.random()) for _ in range(options.runner_kills)]
    up = drill("up", home=home)
    if up.returncode != 0:
        raise SystemExit(f"the yard did not start: {up.stderr.strip()}")
    try:
        before = asyncio.run(wished())
        kept, met = True, 0
        for number, (incident, phase, wait_s) in enumerate(plan):
            kill = kill_one(incident, phase, wait_s, number % 2 == 0, before, home)
            met += bool(kill.broken)
            broken = "; ".join(kill.broken) or "nothing was broken yet or any more"
            say(
                f"{number + 1:3}  {kill.incident:22} killed {kill.moment:17} ({broken}); "
                f"healed after {kill.healed_s:4.1f} s by {kill.by}"
            )
            for problem in kill.problems:
                say(f"     BROKEN PROMISE: {problem}")
            kept = kept and not kill.problems
        say(f"{met} of {len(plan)} kills met something broken")
        return kept and (met > 0 or not plan)
    finally:
        drill("down", home=home)


def kill_one(incident: str, phase: str, wait_s: float, by_command: bool, before: dict[str, Any], home: str) -> Kill:
    """Starts a drill, kills its process so long after the phase began, and waits for whoever has to heal."""
    environment = {**os.environ, "DRILLYARD_HOME": home, "DRILL_YARD": YARD, "DRILL_SCREENSHOTS": "off"}
    runner = subprocess.Popen(
        [DRILL, "run", incident, "--duration", str(LAST_S)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert runner.stderr
    reached = any(line.startswith("T+") and phase in line.split() for line in runner.stderr)
    with contextlib.suppress(subprocess.TimeoutExpired):
        runner.wait(timeout=wait_s)
    runner.kill()
    runner.wait()
    runner.stderr.close()
    broken = active()
    began_s = time.monotonic()
    if by_command:
        drill("recover", home=home)
    limit_s = BY_COMMAND_S if by_command else BY_SWITCH_S
    healed = wait_until(lambda: not active(), limit_s)
    healed_s = time.monotonic() - began_s
    problems = [] if healed else [f"not healed within {limit_s:g} s: {active()}"]
    if broken and healed and healed_s > limit_s:
        problems.append(f"healed only after {healed_s:.1f} s, and {limit_s:g} s were promised")
    problems += asyncio.run(remains(before))
    if broken and not wait_until(lambda: told(home), 5):
        problems.append(f"the record does not say what happened: {latest(home)}")
    by = "`drill recover`" if by_command else "the dead man's switch"
    moment = f"{phase} + {wait_s:.2f} s" if reached else "after its end"
    return Kill(incident, moment, broken, by, healed_s, problems)


def active() -> list[str]:
    """What is broken on purpose, from the yard's own list: asking a command would be counted as healing."""
    return [one.fault.describe() for one in ActiveFaults(yard_folder(YARD).faults).all()]


def latest(home: str) -> dict[str, Any]:
    """The newest record's row in `drill records`."""
    rows: list[dict[str, Any]] = json.loads(drill("records", "--json", home=home).stdout)
    return rows[0]


def told(home: str) -> bool:
    """Whether the newest record ends with who healed the yard."""
    row = latest(home)
    return bool(row["state"] == "invalid" and "healed the yard afterwards" in row["reason"])


async def wished() -> dict[str, Any]:
    """The shop's desired state."""
    async with open_yard(YARD) as yard:
        return await desired_state.snapshot(yard.api)


async def remains(before: dict[str, Any]) -> list[str]:
    """What is not as it was: the desired state, or the way of an order from cart to SHIPPED."""
    async with open_yard(YARD) as yard:
        found = desired_state.differences(before, await desired_state.snapshot(yard.api))
        canary = await canary_order(yard.url("front-end"), seed=int(time.time()), clock=SystemClock())
    return [*found, *([] if canary.shipped else [canary.reason])]


def wait_until(condition: Callable[[], bool], limit_s: float) -> bool:
    """Asks again until it holds; False after the limit."""
    deadline_s = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.2)
    return True
