"""
Agent and server killed (-9) at random under a steady load: every line is found, and few are there twice.

TORTURE_SECONDS and TORTURE_RATE make it longer and harder (`make torture ONLY=telemetry`).
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter

import httpx
import pytest

from drillyard.telemetry.agent.sender import BATCH_LOGS
from tests.system.telemetry.conftest import KEYS, pod, until, write

SECONDS = float(os.environ.get("TORTURE_SECONDS", "60"))
RATE = int(os.environ.get("TORTURE_RATE", "5000"))
SEED = int(os.environ.get("TORTURE_SEED", "1"))
STEP_S = 0.05
CATCH_UP_S = 60.0 + 2 * SECONDS


async def write_steadily(path) -> int:
    """Numbered lines at RATE for SECONDS; how many."""
    written, started_s = 0, time.monotonic()
    while (passed_s := time.monotonic() - started_s) < SECONDS:
        due = int(passed_s * RATE)
        write(path, *[f"numbered {number}" for number in range(written, due)])
        written = due
        await asyncio.sleep(STEP_S)
    return written


async def kill_at_random(choice, server, agent, writing) -> int:
    """Kills one or both again and again while lines are written; how many died."""
    killed = 0
    while not writing.done():
        await asyncio.sleep(choice.uniform(0.3, 1.2))
        victims = choice.choice([[server], [agent], [server, agent]])
        killed += len(victims)
        for victim in victims:
            await victim.stop(signal.SIGKILL)
        await asyncio.sleep(choice.uniform(0, 0.3))
        for victim in victims:
            await (victim.start() if victim is server else victim.start_unready())
    return killed


async def found_lines(server) -> Counter[str]:
    """Each numbered line and how often it is found, page by page."""
    found: Counter[str] = Counter()
    body = {"filter": {"query": "numbered", "from": "now-1d"}, "sort": "timestamp", "page": {"limit": 1000}}
    async with httpx.AsyncClient(headers=KEYS, timeout=30) as client:
        while True:
            answer = (await client.post(f"{server.url}/api/v2/logs/events/search", json=body)).json()
            found.update(log["attributes"]["message"] for log in answer["data"])
            if "page" not in answer["meta"]:
                return found
            body["page"]["cursor"] = answer["meta"]["page"]["after"]


@pytest.mark.timeout(60 + 8 * SECONDS)
async def test_every_line_is_found_after_kills_at_random(server, kubernetes, agent):
    kubernetes.put("pods", pod("a", "u1", "shop/a"))
    writing = asyncio.create_task(write_steadily(agent.log_file("a", "u1")))
    killed = await kill_at_random(random.Random(SEED), server, agent, writing)
    written = await writing
    started_s = time.monotonic()

    found: Counter[str] = Counter()

    async def all_there():
        nonlocal found
        count = {"filter": {"query": "numbered", "from": "now-1d"}}
        answer = await server.ask("POST", "/api/v2/logs/analytics/aggregate", json=count)
        if sum(bucket["computes"]["c0"] for bucket in answer["data"]["buckets"]) < written:
            return False
        found = await found_lines(server)
        return len(found) == written

    await until(all_there, CATCH_UP_S)
    twice = sum(found.values()) - len(found)
    late_s = time.monotonic() - started_s
    print(
        f"{written} lines written, {killed} kills, 0 lost, {twice} twice, complete {late_s:.1f} s after the last line"
    )
    assert killed >= 2
    assert twice <= killed * BATCH_LOGS
