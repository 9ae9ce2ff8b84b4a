"""
The runner of a drill killed (-9) at random moments, and who heals the yard then.

By turns the next command (`drill recover`) or the yard's dead man's switch has to: within 10 s of the command, within
20 s by the switch. After each kill a canary order must reach SHIPPED, nothing may be broken on purpose, the desired
state must be as before, and the record must say what happened.
"""

from __future__ import annotations

import argparse
import asyncio
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
BY_COMMAND_S = 10.0
BY_SWITCH_S = 20.0


@dataclass(frozen=True)
class Kill:
    """What a kill met and what became of it."""

    incident: str
    after_s: float
    broken: list[str]
    by: str
    healed_s: float
    problems: list[str]


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runner-kills", type=int, default=20, help="how many runners are killed (default 20)")


def play(options: argparse.Namespace, home: str) -> bool:
    """True when the yard was whole again after each kill, in time, and each record says so."""
    draw = random.Random(options.seed)
    plan = [(draw.choice(INCIDENTS), draw.random()) for _ in range(options.runner_kills)]
    up = drill("up", home=home)
    if up.returncode != 0:
        raise SystemExit(f"the yard did not start: {up.stderr.strip()}")
    try:
        before = asyncio.run(wished())
        whole_s = {name: whole_drill_s(name, home) for name in sorted({incident for incident, _ in plan})}
        kept = True
        for number, (incident, part) in enumerate(plan):
            after_s = 0.2 + part * (whole_s[incident] - 0.2)
            kill = kill_one(incident, after_s, number % 2 == 0, before, home)
            broken = "; ".join(kill.broken) or "nothing was broken yet or any more"
            say(
                f"{number + 1:3}  {kill.incident:22} killed after {kill.after_s:5.2f} s ({broken}); "
                f"healed after {kill.healed_s:4.1f} s by {kill.by}"
            )
            for problem in kill.problems:
                say(f"     BROKEN PROMISE: {problem}")
            kept = kept and not kill.problems
        return kept
    finally:
        drill("down", home=home)


def whole_drill_s(incident: str, home: str) -> float:
    """How long the whole drill takes here; exits when it is not kept."""
    began_s = time.monotonic()
    done = drill("run", incident, "--json", home=home)
    if done.returncode != 0:
        raise SystemExit(f"{incident} was not kept before anything was killed: {done.stdout[-300:]}{done.stderr}")
    return time.monotonic() - began_s


def kill_one(incident: str, after_s: float, by_command: bool, before: dict[str, Any], home: str) -> Kill:
    """Starts a drill, kills its process after so long, and waits for whoever has to heal."""
    environment = {**os.environ, "DRILLYARD_HOME": home, "DRILL_YARD": YARD, "DRILL_SCREENSHOTS": "off"}
    runner = subprocess.Popen(
        [DRILL, "run", incident],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        runner.wait(timeout=after_s)
    except subprocess.TimeoutExpired:
        runner.kill()
        runner.wait()
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
    return Kill(incident, after_s, broken, by, healed_s, problems)


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
