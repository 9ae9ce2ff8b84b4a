"""
The long one. Drills in a row in one yard, and what is left of them; then every pod of the shop killed (-9) while
shoppers order.

    python scripts/torture.py [--drills N] [--orders N] [--pods NAME,NAME]

After each kill: the pod comes back, every order that was answered 201 is stored and charged once, and every other
disagreement between shoppers, orders, bank and queue-master is listed by order id and class. Exit code 1 when a
promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

from drillyard.base.clock import SystemClock
from drillyard.load.ledger import ShopperLedger
from drillyard.load.shopping import place_orders
from drillyard.reconcile.reconciliation import Reconciliation, reconcile
from drillyard.record.plain import plain
from drillyard.yard.readiness import is_ready
from drillyard.yard.yard import SHOP_NAMESPACE, Yard, open_yard

DRILL = str(Path(sys.executable).parent / "drill")
YARD = "torture"
BACK_MAX_S = 30.0


def drill(*arguments: str, home: str) -> subprocess.CompletedProcess[str]:
    """One drill command, whatever its exit code."""
    environment = {**os.environ, "DRILLYARD_HOME": home, "DRILL_YARD": YARD}
    return subprocess.run(
        [DRILL, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def look(home: str) -> dict[str, int]:
    """What the yard holds now: processes, listening ports, open files, files in its folder, PSS in MB."""
    state = json.loads((Path(home) / "yards" / YARD / "yard.json").read_text())
    root = psutil.Process(state["control_plane"]["pid"])
    family = [root, *root.children(recursive=True)]
    status = json.loads(drill("status", "--json", home=home).stdout)
    held = Counter[str]()
    for process in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            held["processes"] += 1
            held["ports"] += sum(c.status == psutil.CONN_LISTEN for c in process.net_connections("tcp"))
            held["open_files"] += process.num_fds()
    files = sum(len(names) for _, _, names in os.walk(Path(home) / "yards" / YARD))
    return {**held, "files": files, "memory_mb": round(status["memory_pss_bytes"] / 1e6)}


def drills_in_a_row(count: int, home: str) -> bool:
    """True when each of them was kept."""
    kept = 0
    for number in range(1, count + 1):
        done = drill("run", "incident-5", "--seed", str(number), "--json", home=home)
        result = json.loads(done.stdout) if done.stdout else {"verdict": "none", "reason": done.stderr.strip()}
        kept += result["verdict"] == "kept"
        held = "  ".join(f"{name} {value}" for name, value in look(home).items())
        say(f"{number:3}  {result['verdict']:8} {held}")
        if result["verdict"] != "kept":
            say(f"     {result['reason']}")
    say(f"{kept} of {count} kept")
    return kept == count


async def kill_every_pod(orders: int, only: list[str]) -> bool:
    """True when after each kill the pod came back and no accepted order was lost or charged otherwise than once."""
    whole = True
    async with open_yard(YARD) as yard:
        deployments = (await yard.api.list("deployments", SHOP_NAMESPACE)).items
        for deployment in sorted(one["metadata"]["name"] for one in deployments):
            if not only or deployment in only:
                whole = await kill_one(yard, deployment, orders) and whole
    return whole


async def kill_one(yard: Yard, name: str, orders: int) -> bool:
    """Kills the pod's processes after a third of the orders, and accounts for all of them."""
    clock = SystemClock()
    ledger = ShopperLedger()
    killed = asyncio.Event()

    def placed(_: Any) -> None:
        if len(ledger) >= orders // 3 and not killed.is_set():
            killed.set()

    pod = await pod_of(yard, name)
    shopping = asyncio.ensure_future(
        place_orders(yard.url("front-end"), orders, 1, clock, on_order=placed, concurrency=3, ledger=ledger)
    )
    await asyncio.wait_for(killed.wait(), 60)
    count = kill_processes(pod)
    back_s = await wait_until_back(yard, name, pod)
    await shopping
    result = await account(yard, ledger)
    stored = {order["id"] for order in await yard.orders()}
    charges = Counter(one["metadata"].get("order_id") for one in await yard.bank.charges() if one["paid"])
    lost = [one for one in ledger.order_ids if one not in stored]
    miscounted = [one for one in ledger.order_ids if charges[one] != 1]
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in ledger.counts.items() if number)
    say(f"{name:14} {count} process(es) killed, back after {back_s:4.1f} s; orders: {outcomes}; {result.summary()}")
    for one in result.disagreements:
        say(f"{'':14}   {one.order_class.value}: {one.order_id}: {one.text}")
    for one in lost:
        say(f"{'':14}   LOST: {one} was answered 201 and is not stored")
    for one in miscounted:
        say(f"{'':14}   MISCHARGED: {one} was answered 201 and charged {charges[one]} times")
    return count > 0 and back_s < BACK_MAX_S and not lost and not miscounted


async def pod_of(yard: Yard, name: str) -> dict[str, Any]:
    """The deployment's pod."""
    pods = (await yard.api.list("pods", SHOP_NAMESPACE, labels=f"name={name}")).items
    return next(pod for pod in pods if not pod["metadata"].get("deletionTimestamp"))


def kill_processes(pod: dict[str, Any]) -> int:
    """SIGKILL to the first process of each of its containers; how many there were."""
    title, uid = f"{SHOP_NAMESPACE}/{pod['metadata']['name']} ", pod["metadata"]["uid"]
    found = []
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            words = " ".join(process.info["cmdline"] or ())
            # Ours by their title, PostgreSQL by its data directory, Valkey (which rewrites its title) by where it runs.
            mine = words.startswith(title) or uid in words or uid in process.cwd()
            if mine and os.getsid(process.pid) == process.pid:
                found.append(process)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    return len(found)


async def wait_until_back(yard: Yard, name: str, before: dict[str, Any]) -> float:
    """
    Seconds until the pod is Ready with a higher restart count (or replaced); the limit when it does not come back.
    """
    clock = SystemClock()
    began = clock.monotonic_s()
    while clock.monotonic_s() - began < BACK_MAX_S:
        with contextlib.suppress(StopIteration):
            pod = await pod_of(yard, name)
            if is_ready(pod) and (
                pod["metadata"]["uid"] != before["metadata"]["uid"] or restarts(pod) > restarts(before)
            ):
                return clock.monotonic_s() - began
        await clock.sleep(0.05)
    return BACK_MAX_S


def restarts(pod: dict[str, Any]) -> int:
    return sum(one["restartCount"] for one in pod["status"].get("containerStatuses", ()))


async def account(yard: Yard, ledger: ShopperLedger) -> Reconciliation:
    """The last of several comparisons: the queue may still be draining, and log lines may be on their way."""
    clock = SystemClock()
    ids = {row.order_id for row in ledger if row.order_id}
    start = min(row.started_at for row in ledger)
    deadline = clock.monotonic_s() + 10
    while True:
        orders = [one for one in await yard.orders() if one["id"] in ids]
        charges = [one for one in await yard.bank.charges() if one["metadata"].get("order_id") in ids]
        query = 'kube_namespace:sock-shop service:sock-shop-queue-master "Message processed successfully"'
        lines = (await yard.datadog.logs(query, start, clock.now())).items
        texts = [line["attributes"]["message"] for line in lines]
        processed = {one: sum(one in text for text in texts) for one in ids}
        result = reconcile([plain(row) for row in ledger], orders, charges, [], processed)
        if result.agreed or clock.monotonic_s() > deadline:
            return result
        await clock.sleep(0.5)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drills", type=int, default=20, help="how many drills in a row (0: none)")
    parser.add_argument("--orders", type=int, default=18, help="orders placed around each kill (0: no kills)")
    parser.add_argument("--pods", default="", help="only these deployments, parted by commas")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="drillyard-torture-") as home:
        os.chmod(home, 0o711)
        os.environ["DRILLYARD_HOME"] = home
        drill("up", home=home)
        try:
            kept = drills_in_a_row(options.drills, home)
            if options.orders:
                kept = asyncio.run(kill_every_pod(options.orders, [n for n in options.pods.split(",") if n])) and kept
        finally:
            drill("down", home=home)
        left = [p.pid for p in psutil.process_iter(["cmdline"]) if home in " ".join(p.info["cmdline"] or ())]
    say(f"{len(left)} process(es) left after `drill down`")
    return 0 if kept and not left else 1


if __name__ == "__main__":
    sys.exit(main())
