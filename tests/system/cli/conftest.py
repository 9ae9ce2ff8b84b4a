"""The command `drill` on a yard of which only the telemetry runs, as a real server."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from typer.testing import CliRunner

from drillyard.base.processes import identify
from drillyard.cli.main import register
from drillyard.yard import kubeconfig
from drillyard.yard.home import YardFolder
from drillyard.yard.state import YardState

app = register()

LIMIT_S = 20.0
NOBODY = "127.0.0.1:1"
"""Where no service answers: the connection is refused."""


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


class Lab:
    """The telemetry, and `drill` beside it."""

    def __init__(self, home: Path, address: str) -> None:
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "DRILLYARD_HOME": str(home),
            "DRILL_YARD": "test",
            "COLUMNS": "120",
        }
        self.url = f"http://{address}"

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "drillyard.cli.main",
            *arguments,
            env=self.environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # A shell's background job is started with SIGINT ignored, and its children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
        )

    async def drill(self, *arguments: str) -> Done:
        """The command inside this process, in a thread of its own: it starts a loop, and importing it again is slow."""
        async with asyncio.timeout(LIMIT_S):
            result = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=self.environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    async def drill_process(self, *arguments: str, given: str = "") -> Done:
        """The command as a person starts it, its last resort for errors included."""
        process = await self.start(*arguments)
        async with asyncio.timeout(LIMIT_S):
            out, err = await process.communicate(given.encode())
        assert process.returncode is not None
        return Done(process.returncode, out.decode(), err.decode())

    async def post(self, path: str, body: Any) -> None:
        keys = {"DD-API-KEY": "api", "DD-APPLICATION-KEY": "app"}
        async with httpx.AsyncClient(headers=keys, trust_env=False) as client:
            answer = await client.post(self.url + path, json=body)
            assert answer.is_success, answer.text

    async def say(self, service: str, message: str, tags: str = "kube_namespace:sock-shop", **more: str) -> None:
        await self.post("/api/v2/logs", [{"service": service, "message": message, "ddtags": tags} | more])

    async def measure(self, metric: str, value: float, *tags: str) -> None:
        point = {"timestamp": int(time.time()), "value": value}
        series = {"metric": metric, "type": 3, "points": [point], "tags": list(tags)}
        await self.post("/api/v2/series", {"series": [series]})


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    telemetry = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "drillyard.telemetry.server",
        env={
            "PATH": os.environ["PATH"],
            "TELEMETRY_DATA": str(tmp_path / "telemetry"),
            "DD_API_KEY": "api",
            "DD_APP_KEY": "app",
            "PORT": "0",
        },
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert telemetry.stdout
        async with asyncio.timeout(LIMIT_S):
            line = (await telemetry.stdout.readline()).decode()
        address = line.split()[-1]
        _write_yard(YardFolder(tmp_path / "home", "test"), address)
        yield Lab(tmp_path / "home", address)
    finally:
        telemetry.send_signal(signal.SIGKILL)
        await telemetry.communicate()


def _write_yard(folder: YardFolder, telemetry: str) -> None:
    folder.path.mkdir(parents=True)
    authority = trustme.CA().cert_pem.bytes()
    kubeconfig.write(folder.kubeconfig, server=f"https://{NOBODY}", ca_pem=authority, token="t", user="u", name="test")
    YardState(
        name="test",
        control_plane=identify(os.getpid()),
        created_at="2025-10-28T10:04:42.603Z",
        api_server=f"https://{NOBODY}",
        services={"telemetry": telemetry, "bank": NOBODY, "orders": NOBODY, "front-end": NOBODY},
        api_key="api",
        app_key="app",
        bank_key="k",
        bank_admin_key="k",
        control_url="",
        control_token="",
        amqp_url="amqp://guest:guest@127.0.0.1:1",
        management_url="http://guest:guest@127.0.0.1:1",
        page_url=f"http://{NOBODY}",
    ).write(folder)
