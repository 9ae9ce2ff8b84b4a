"""Programs that the tests start in a zygote."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence


def show(argv: Sequence[str]) -> int:
    print(
        json.dumps(
            {
                "argv": list(argv),
                "env": dict(os.environ),
                "cwd": os.getcwd(),
                "pid": os.getpid(),
                "session": os.getsid(0),
                "fds": sorted(int(fd) for fd in os.listdir("/proc/self/fd")),
                "random": random.random(),
                "user": os.getuid(),
            }
        )
    )
    print("to stderr", file=sys.stderr)
    return 7


def fail(argv: Sequence[str]) -> int:
    raise RuntimeError("the kettle is empty")


def leave(argv: Sequence[str]) -> None:
    sys.exit("leaving early")


def rest(argv: Sequence[str]) -> int:
    """Says its pid and that of a child that it started, and waits to be ended."""
    child = subprocess.Popen(["sleep", "1000"])
    print(os.getpid(), child.pid, flush=True)
    time.sleep(1000)
    return 0


def polite(argv: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    print("ready", flush=True)
    time.sleep(1000)
    return 0


def call_four_clients(argv: Sequence[str]) -> int:
    """httpx, redis, asyncpg and aio-pika, each to a cluster name; prints what each got."""
    asyncio.run(_call_four_clients())
    return 0


async def _call_four_clients() -> None:
    import aio_pika
    import asyncpg
    import httpx
    import redis.asyncio

    got: dict[str, str] = {}
    async with httpx.AsyncClient() as client:
        got["httpx"] = (await client.get("http://web/")).text
    cache = redis.asyncio.Redis(host="cache", port=6379, protocol=2)
    got["redis"] = str(await cache.ping())
    await cache.aclose()
    for name, call in (
        ("asyncpg", asyncpg.connect(host="db.shop.svc.cluster.local", user="u", database="d", ssl=False)),
        ("aio-pika", aio_pika.connect("amqp://guest:guest@broker.shop/")),
        ("refused", asyncio.open_connection("10.96.0.1", 81)),
        ("unknown", asyncio.open_connection("nobody", 80)),
        ("closed", asyncio.open_connection("web", 81)),
    ):
        try:
            await call
        except Exception as failed:
            got[name] = f"{type(failed).__name__}: {failed}"
    print(json.dumps(got))


def serve_http(argv: Sequence[str]) -> int:
    """uvicorn as the shop's services run it, on the container's port."""
    import uvicorn

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
        await send({"type": "http.response.body", "body": b"pod"})

    uvicorn.run(app, host="0.0.0.0", port=80, log_level="warning", loop="asyncio")
    return 0
