"""Real processes: a telemetry server, a cluster's API with two pods, an agent between them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from aiohttp import web

KEYS = {"DD-API-KEY": "api", "DD-APPLICATION-KEY": "app"}
LIMIT_S = 30.0


async def until(question: Callable[[], Awaitable[Any]], limit_s: float = LIMIT_S) -> Any:
    """The first true answer; fails the test when there is none in time."""
    async with asyncio.timeout(limit_s):
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await question()
                if answer:
                    return answer
            await asyncio.sleep(0.02)


class Program:
    """A Python module running as a process."""

    def __init__(self, module: str, environment: dict[str, str]) -> None:
        self._module = module
        self._environment = {"PATH": os.environ["PATH"]} | environment

    async def start(self) -> str:
        """Starts it and gives its first line of output, empty if it ended."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        return ""

    async def first_line(self) -> str:
        assert self.process.stdout
        async with asyncio.timeout(LIMIT_S):
            return (await self.process.stdout.readline()).decode()

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Signals it and gives its exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(LIMIT_S):
            await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode


class Server(Program):
    def __init__(self, folder: Path, port: int = 0) -> None:
        environment = {
            "TELEMETRY_DATA": str(folder),
            "DD_API_KEY": "api",
            "DD_APP_KEY": "app",
            "READY_FILE": str(folder.parent / "telemetry.ready"),
        }
        super().__init__("drillyard.telemetry.server", environment | {"PORT": str(port)})

    async def start(self) -> str:
        await super().start()
        line = await self.first_line()
        assert line.startswith("telemetry ready on 127.0.0.1:"), line
        self.port = int(line.rpartition(":")[2])
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment["PORT"] = str(self.port)
        return line

    async def logs(self, query: str, limit: int = 1000) -> list[dict[str, Any]]:
        """What a search finds."""
        body = {"filter": {"query": query, "from": "now-1d"}, "sort": "timestamp", "page": {"limit": limit}}
        async with httpx.AsyncClient(headers=KEYS) as client:
            answer = await client.post(f"{self.url}/api/v2/logs/events/search", json=body)
            return [log["attributes"] for log in answer.json()["data"]]

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        async with httpx.AsyncClient(headers=KEYS) as client:
            answer = await client.request(method, self.url + path, **more)
            assert answer.status_code < 300, answer.text
            return answer.json()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    opened = Server(tmp_path / "telemetry")
    await opened.start()
    yield opened
    await opened.stop(signal.SIGKILL)


def pod(name: str, uid: str, image: str, deployment: str = "") -> dict[str, Any]:
    """A running pod of a Deployment with one container `main`."""
    metadata: dict[str, Any] = {"name": name, "namespace": "sock-shop", "uid": uid, "resourceVersion": "1"}
    if deployment:
        metadata["labels"] = {"pod-template-hash": "856978bb7b"}
        metadata["ownerReferences"] = [{"kind": "ReplicaSet", "name": f"{deployment}-856978bb7b"}]
    status = {
        "name": "main",
        "containerID": f"containerd://{uid}c",
        "state": {"running": {"startedAt": "2025-11-05T20:00:00Z"}},
    }
    return {
        "metadata": metadata,
        "spec": {"nodeName": "node", "containers": [{"name": "main", "image": image}]},
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


class Kubernetes:
    """The list and watch of a Kubernetes API, over TLS, with a token."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects: dict[str, dict[str, Any]] = {"pods": {}, "events": {}, "deployments": {}}
        self._version = 1
        self._watchers: list[tuple[str, asyncio.Queue[bytes]]] = []

    def put(self, kind: str, found: dict[str, Any], change: str = "ADDED") -> None:
        """Adds, changes or deletes an object and tells the watchers."""
        self._version += 1
        found["metadata"]["resourceVersion"] = str(self._version)
        if change == "DELETED":
            self.objects[kind].pop(found["metadata"]["uid"], None)
        else:
            self.objects[kind][found["metadata"]["uid"]] = found
        line = json.dumps({"type": change, "object": found}).encode() + b"\n"
        for watched, queue in self._watchers:
            if watched == kind:
                queue.put_nowait(line)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != "Bearer secret":
            return web.Response(status=401)
        kind = request.match_info["kind"]
        if "watch" not in request.query:
            items = list(self.objects[kind].values())
            return web.json_response({"metadata": {"resourceVersion": str(self._version)}, "items": items})
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._watchers.append((kind, queue))
        answer = web.StreamResponse()
        await answer.prepare(request)
        while True:
            await answer.write(await queue.get())

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        self.folder.mkdir()
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.folder / "ca.crt"))
        (self.folder / "token").write_text("secret\n")
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(tls)
        app = web.Application()
        app.add_routes([web.get("/{group:api|apis/apps}/v1/{kind}", self._handle)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield
        finally:
            await runner.cleanup()


@pytest.fixture
async def kubernetes(tmp_path: Path) -> AsyncIterator[Kubernetes]:
    api = Kubernetes(tmp_path / "serviceaccount")
    async with api.run():
        yield api


class Agent(Program):
    def __init__(self, folder: Path, server: Server, kubernetes: Kubernetes, port: int) -> None:
        self.pod_logs = folder / "pods"
        self.run_folder = folder / "agent"
        self.bin = folder / "bin"
        self.bin.mkdir()
        self._health = f"http://127.0.0.1:{port}/health"
        super().__init__(
            "drillyard.telemetry.agent.main",
            {
                "DD_API_KEY": "api",
                "DD_LOGS_CONFIG_LOGS_DD_URL": server.url,
                "DD_DD_URL": server.url,
                "DD_HOSTNAME": "node",
                "DD_CLUSTER_NAME": "sockshop-kind",
                "POD_LOGS": str(self.pod_logs),
                "AGENT_BIN": str(self.bin),
                "AGENT_RUN": str(self.run_folder),
                "KUBERNETES_SERVICE_HOST": "127.0.0.1",
                "KUBERNETES_SERVICE_PORT": str(kubernetes.port),
                "SERVICE_ACCOUNT_DIR": str(kubernetes.folder),
                "PORT": str(port),
            },
        )

    async def start(self) -> str:
        await super().start()

        async def ready() -> bool:
            async with httpx.AsyncClient() as client:
                return (await client.get(self._health)).status_code == 200

        await until(ready)
        return ""

    async def status(self) -> str:
        """What `agent status` prints in its container."""
        environment = {"AGENT_RUN": str(self.run_folder), "PATH": str(self.bin)}
        status = await asyncio.create_subprocess_exec(
            str(self.bin / "agent"), "status", env=environment, stdout=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(LIMIT_S):
            output, _ = await status.communicate()
        return output.decode()

    async def start_unready(self) -> None:
        """Starts it without waiting for the intake."""
        await super().start()

    def log_file(self, name: str, uid: str, number: int = 0) -> Path:
        """Where the kubelet would write."""
        folder = self.pod_logs / f"sock-shop_{name}_{uid}" / "main"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{number}.log"


@pytest.fixture
async def agent(tmp_path: Path, server: Server, kubernetes: Kubernetes, unused_tcp_port: int) -> AsyncIterator[Agent]:
    made = Agent(tmp_path, server, kubernetes, unused_tcp_port)
    await made.start()
    yield made
    await made.stop()


def write(path: Path, *texts: str, stream: str = "stdout") -> None:
    """Appends lines as a container runtime does."""
    with path.open("a") as file:
        for text in texts:
            file.write(f"{datetime.now(UTC).strftime('%Y-%m-%dT%H:%M:%S.%f')}000Z {stream} F {text}\n")
