"""
How fast the telemetry is: lines in, the documents' queries, counts, groups, disk and memory; and what survives kill -9.

    python scripts/bench_telemetry.py [--lines N] [--rounds N] [--seed N]
    python scripts/bench_telemetry.py --torture [--seconds N] [--rate N]

Lines have the shop's own formats. They enter as gzipped posts of 900 through the application itself, so that reading,
pipelines, index and commit are all counted, the sockets not. A plain Python scan and `rg` (where it is on the PATH)
count the same. The torture writes container logs at a steady rate, kills agent and server at random, and
counts afterwards what is lost and what is there twice.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson

from drillyard.base.clock import SystemClock
from drillyard.telemetry.api.app import build_app
from drillyard.telemetry.settings import Settings
from drillyard.telemetry.telemetry import Telemetry

BATCH = 900
SPACE_MS = 3_600_000
NOW_MS = 1_800_000_000_000
KEYS = {"DD-API-KEY": "api", "DD-APPLICATION-KEY": "app"}
AGGREGATE = "/api/v2/logs/analytics/aggregate"
SEARCH = "/api/v2/logs/events/search"

FAILED = 'service:sock-shop-orders "Payment failed for order"'
ORDER = "00c0ffee00c0ffee00c0ffee"
QUERIES = {
    "Incident 5: failed orders, newest 50": FAILED,
    "Incident 5: refused connections": 'kube_namespace:sock-shop service:sock-shop-orders "Connection refused"',
    "Incident 5: status": "kube_namespace:sock-shop service:sock-shop-orders status:error",
    "Incident 3: published": "service:sock-shop-shipping Publish*",
    "Incident 3: either": 'kube_namespace:sock-shop service:sock-shop-queue-master ("Received" OR "shipment")',
    "one order": "kube_namespace:sock-shop " + ORDER,
    "namespace only, newest 50": "kube_namespace:sock-shop",
    "not info, one service": "service:sock-shop-orders -status:info",
    "pod wildcard": "pod_name:orders* -status:info",
    "leading wildcard": "*fused",
}


def lines(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Posts as the agent makes them: 14 pods, one order in a hundred fails with an ERROR and a WARN line."""
    choice = random.Random(seed)
    step_ms = SPACE_MS / max(count, 1)
    for number in range(count):
        order, trace = f"{choice.getrandbits(96):024x}", f"{choice.getrandbits(64):016x}"
        service, text, status = _line(choice, order, trace, number)
        at_ms = NOW_MS - SPACE_MS + int(number * step_ms)
        yield {
            "message": text,
            "status": status,
            "timestamp": at_ms,
            "hostname": "sockshop-kind-control-plane",
            "service": f"sock-shop-{service}",
            "ddsource": f"sock-shop-{service}",
            "ddtags": _tags(service),
        }


def _line(choice: random.Random, order: str, trace: str, number: int) -> tuple[str, str, str]:
    """Service, text and status of one line."""

    def spring(service: str, level: str, logger: str, text: str) -> str:
        head = (
            f"2025-10-28 10:04:45.548 {level:>5} [{service},{trace},{trace},false] 1 --- [p-nio-80-exec-{number % 10}]"
        )
        return f"{head} {logger:40} : {text}"

    kind = choice.random()
    if kind < 0.30:
        when, took_ms = "28/Oct/2025:10:04:45 +0000", choice.random() * 20
        request = f"GET /catalogue/{order[:8]} HTTP/1.1"
        return "front-end", f'::ffff:10.244.0.{number % 20} - - [{when}] "{request}" 200 {took_ms:.3f}', "info"
    if kind < 0.60:
        service, method = ("catalogue", "List") if kind < 0.50 else ("payment", "Authorise")
        text = f"caller=logging.go:36 ts=2025-10-28T10:04:45Z method={method} result=9 err=null took={number % 900}us"
        return service, text, "info"
    if kind < 0.80:
        logger = "w.w.s.o.controllers.OrdersController"
        if kind < 0.61:
            return (
                "orders",
                spring("orders", "ERROR", logger, f"Payment failed for order {order}: Connection refused"),
                "error",
            )
        if kind < 0.62:
            return (
                "orders",
                spring("orders", "WARN", logger, f"Order {order}: PAYMENT_FAILED: Connection refused"),
                "error",
            )
        order = ORDER if number % 1_000 == 7 else order
        return "orders", spring("orders", "INFO", logger, f"Order created with ID: {order} and status: CREATED"), "info"
    if kind < 0.90:
        text = spring("shipping", "INFO", "w.w.s.s.controllers.ShippingController", f"Publishing shipment {order}")
        return "shipping", text, "info"
    return "queue-master", f"Received shipment task {order} trace={trace}", "info"


def _tags(service: str) -> str:
    image, replica_set = f"quay.io/powercloud/sock-shop-{service}", f"{service}-856978bb7b"
    tags = {
        "kube_namespace": "sock-shop",
        "kube_deployment": service,
        "pod_name": f"{replica_set}-x2km9",
        "kube_container_name": service,
        "container_name": service,
        "container_id": f"{service}0123456789",
        "image_name": image,
        "image_tag": "0.4.7",
        "short_image": f"sock-shop-{service}",
        "kube_node": "node",
        "kube_cluster_name": "sockshop-kind",
        "kube_replica_set": replica_set,
        "kube_qos": "burstable",
        "pod_phase": "running",
    }
    return ",".join(f"{name}:{value}" for name, value in tags.items())


class Bench:
    """One telemetry in a folder, asked as by a client."""

    def __init__(self, folder: Path) -> None:
        self._telemetry = Telemetry(folder, SystemClock())
        app = build_app(self._telemetry, Settings(folder, frozenset({"api"}), frozenset({"app"})))
        self._client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://t", headers=KEYS, timeout=60
        )

    async def close(self) -> None:
        """Ends it."""
        await self._client.aclose()
        self._telemetry.close()

    async def load(self, payloads: list[bytes]) -> tuple[float, float]:
        """Seconds, and seconds of processor, until all are acknowledged, four posts on their way at any time."""
        left = iter(payloads)

        async def post() -> None:
            for body in left:
                answer = await self._client.post(
                    "/api/v2/logs",
                    content=body,
                    headers={"Content-Encoding": "gzip", "Content-Type": "application/json"},
                )
                answer.raise_for_status()

        started_s, cpu_s = time.perf_counter(), time.process_time()
        await asyncio.gather(*(post() for _ in range(4)))
        return time.perf_counter() - started_s, time.process_time() - cpu_s

    async def ask(self, path: str, body: dict[str, Any], rounds: int) -> tuple[list[float], Any]:
        """Milliseconds of each round, and the last answer."""
        took_ms: list[float] = []
        found: Any = None
        for _ in range(rounds):
            started_s = time.perf_counter()
            answer = await self._client.post(path, json=body)
            took_ms.append((time.perf_counter() - started_s) * 1000)
            found = answer.raise_for_status().json()
        return took_ms, found


def payloads_of(count: int, seed: int) -> list[bytes]:
    """The lines as the agent would post them."""
    made, batch = [], []
    for line in lines(count, seed):
        batch.append(line)
        if len(batch) == BATCH:
            made.append(gzip.compress(orjson.dumps(batch), compresslevel=3))
            batch = []
    return [*made, gzip.compress(orjson.dumps(batch), compresslevel=3)] if batch else made


def figures(took_ms: list[float]) -> str:
    """`p50 1.2  p95 3.4 ms`."""
    ordered = sorted(took_ms)
    p95 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.95))]
    return f"p50 {statistics.median(ordered):9.1f}  p95 {p95:9.1f} ms"


async def measure(count: int, rounds: int, seed: int) -> None:
    """Loads, asks, prints."""
    payloads = payloads_of(count, seed)
    with tempfile.TemporaryDirectory(prefix="drillyard-telemetry-") as home:
        folder = Path(home)
        bench = Bench(folder)
        try:
            took_s, cpu_s = await bench.load(payloads)
            disk = sum(path.stat().st_size for path in folder.iterdir())
            rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"{count} lines in {took_s:.1f} s: {count / took_s:.0f} lines/s, each on the disk when acknowledged")
            print(f"processor {cpu_s * 1e6 / count:.0f} us a line; load of the machine {os.getloadavg()[0]:.1f}")
            print(f"disk {disk / 1e6:.0f} MB, {disk / count:.0f} bytes a line; memory at most {rss} MB")
            await _queries(bench, rounds)
        finally:
            await bench.close()
        _others(folder, payloads)


async def _queries(bench: Bench, rounds: int) -> None:
    window = {"from": NOW_MS - SPACE_MS, "to": NOW_MS}
    for name, query in QUERIES.items():
        asked = {"filter": {"query": query} | window, "sort": "-timestamp", "page": {"limit": 50}}
        took_ms, found = await bench.ask(SEARCH, asked, rounds)
        print(f"{name:40} {figures(took_ms)}  {len(found['data'])} logs")
    minute = {"compute": [{"aggregation": "count", "type": "timeseries", "interval": "1m"}]}
    for name, query, more in (
        ("count of failed orders", FAILED, {}),
        ("count of a namespace", "kube_namespace:sock-shop", {}),
        ("count by service", "*", {"group_by": [{"facet": "service"}]}),
        ("count by pod and status", "*", {"group_by": [{"facet": "pod_name"}, {"facet": "status"}]}),
        ("failed orders by the minute", FAILED, minute),
        ("all by the minute and service", "*", minute | {"group_by": [{"facet": "service"}]}),
        ("count of a leading wildcard", "*fused", {}),
    ):
        try:
            took_ms, found = await bench.ask(AGGREGATE, {"filter": {"query": query} | window} | more, rounds)
        except httpx.HTTPStatusError as refused:
            print(f"{name:40} refused: {refused.response.json()['errors'][0]}")
            continue
        print(f"{name:40} {figures(took_ms)}  {len(found['data']['buckets'])} groups")


def _others(folder: Path, payloads: list[bytes]) -> None:
    """The count of failed orders without an index."""
    plain = folder / "plain.jsonl"
    with plain.open("wb") as file:
        for body in payloads:
            file.writelines(orjson.dumps(line) + b"\n" for line in orjson.loads(gzip.decompress(body)))

    def scan() -> int:
        with plain.open("rb") as file:
            logs = map(orjson.loads, file)
            return sum(
                log["service"] == "sock-shop-orders" and "payment failed for order" in log["message"].lower()
                for log in logs
            )

    print(f"{'the same count, a plain Python scan':40} {_timed(scan)}")
    ripgrep = shutil.which("rg")
    if not ripgrep:
        print(f"{'the same count, ripgrep':40} not run: rg is not on the PATH")
        return
    command = [ripgrep, "-i", "-c", "payment failed for order", str(plain)]
    print(f"{'the same count, ripgrep':40} {_timed(lambda: int(subprocess.check_output(command)))}")


def _timed(question: Callable[[], int]) -> str:
    started_s = time.perf_counter()
    found = question()
    return f"{(time.perf_counter() - started_s) * 1000:.0f} ms  {found} logs"


def torture(seconds: int, rate: int, seed: int) -> int:
    """The system test, longer and harder; its exit code."""
    root = Path(__file__).parents[1]
    told = {"TORTURE_SECONDS": f"{seconds}", "TORTURE_RATE": f"{rate}", "TORTURE_SEED": f"{seed}"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-s",
        f"--timeout={seconds * 3 + 120}",
        "tests/system/telemetry/test_torture.py",
    ]
    return subprocess.run(command, cwd=root, env={**os.environ, **told}, check=False).returncode


def main() -> int:
    """Exit code 1 when the torture lost a line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").strip().partition("\n")[0])
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--torture", action="store_true", help="kill agent and server at random instead")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--rate", type=int, default=5_000, help="lines a second while they are killed")
    given = parser.parse_args()
    if given.torture:
        return torture(given.seconds, given.rate, given.seed)
    asyncio.run(measure(given.lines, given.rounds, given.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
