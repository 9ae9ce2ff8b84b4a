"""
Messages a second through the broker, beside RabbitMQ's in the same run and from the same client.

Each message is persistent (200 bytes, a durable classic queue), each publish is confirmed, each delivery is acked by
itself; a connection has up to 100 of either under way. Client and broker share the cores. RabbitMQ is the one that
DRILLYARD_RABBITMQ_URL names, or the one of this machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from bench.amqp_client import AmqpClient
from bench.figure import Figure, Section

TITLE = "Broker"
MESSAGES = 10_000
UNDER_WAY = 100
BODY = b"x" * 200
CONNECTIONS = (1, 4)
START_S = 10.0
LIMIT_S = 120.0
RABBITMQ = os.environ.get("DRILLYARD_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672/")

# A bench that is killed leaves no broker behind.
_PROGRAM = """
import sys
from drillyard.base.processes import die_with_parent
die_with_parent()
from drillyard.broker.server import main
sys.exit(main())
"""


def measure(rounds: int) -> Section:
    """Publishing and consuming over one connection and over four, ours and RabbitMQ's by turns."""
    with own_broker() as ours:
        brokers = {"Drillyard's broker": ours}
        text = ""
        if asyncio.run(_answers(RABBITMQ)):
            brokers["RabbitMQ"] = RABBITMQ
        else:
            text = "RabbitMQ was not measured: none answered at DRILLYARD_RABBITMQ_URL or on port 5672 of this machine."
        rates: dict[str, list[float]] = defaultdict(list)
        for url in brokers.values():
            asyncio.run(flow(url, 1, MESSAGES // 10))  # What happens once is not the broker's speed.
        for _ in range(rounds):
            for connections in CONNECTIONS:
                for name, url in brokers.items():
                    published, consumed = asyncio.run(flow(url, connections, MESSAGES))
                    over = "1 connection" if connections == 1 else f"{connections} connections"
                    rates[f"{name}, {over}: published and confirmed a second"].append(published)
                    rates[f"{name}, {over}: consumed and acked a second"].append(consumed)
    return Section([Figure(what, values) for what, values in sorted(rates.items())], text)


@contextmanager
def own_broker() -> Iterator[str]:
    """The URL of a broker of ours, with its data in a folder that is removed."""
    with tempfile.TemporaryDirectory(prefix="drillyard-bench-") as folder:
        ports = {"AMQP_PORT": "0", "MANAGEMENT_PORT": "0", "METRICS_PORT": "0"}
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            env={**os.environ, **ports, "BROKER_DATA": folder},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        try:
            log = ""
            for line in process.stdout:
                log += line
                if ready := re.search(r"ready: .*?amqp on [^,]*:(\d+)", line):
                    yield f"amqp://guest:guest@127.0.0.1:{ready[1]}/"
                    break
            else:
                raise SystemExit(f"the broker did not start: {log}")
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=START_S)
            process.kill()


async def _answers(url: str) -> bool:
    try:
        async with asyncio.timeout(START_S), AmqpClient(url):
            return True
    except (OSError, TimeoutError):
        return False


async def flow(url: str, connections: int, messages: int) -> tuple[float, float]:
    """Messages published and confirmed a second, then consumed and acked a second; a queue for each connection."""
    each = messages // connections
    async with asyncio.timeout(LIMIT_S), contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(AmqpClient(url)) for _ in range(connections)]
        began = time.monotonic()
        await asyncio.gather(*(client.publish(each, BODY, UNDER_WAY) for client in clients))
        published = time.monotonic()
        await asyncio.gather(*(client.consume(each, UNDER_WAY) for client in clients))
        ended = time.monotonic()
    return each * connections / (published - began), each * connections / (ended - published)
