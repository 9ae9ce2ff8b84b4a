"""
A whole control plane in this process, on a free port, with TLS; a node that runs nothing; and the real kubectl.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import ssl
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trustme

from drillyard.base.clock import SystemClock
from drillyard.cluster.apiserver.auth import User
from drillyard.cluster.apiserver.server import ApiServer
from drillyard.cluster.controllers.run import run_controllers

from .paper_node import PaperNode

ADMIN_TOKEN = "admin-token"
JOE_TOKEN = "joe-token"


WITHOUT_KUBECTL = pytest.mark.parametrize("cluster", ["wheel"], indirect=True)
"""For a test that starts no kubectl, so that one round is enough."""


@dataclass
class Answer:
    """What a command printed."""

    code: int
    out: str
    err: str


@dataclass
class Cluster:
    """A running control plane, and kubectl for it."""

    server: ApiServer
    node: PaperNode
    url: str
    folder: Path
    ssl_context: ssl.SSLContext
    kubectl_path: str
    environment: dict[str, str] = field(default_factory=dict)
    running: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start_kubectl(
        self, *args: str, context: str = "admin", stdin: bool = False
    ) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            self.kubectl_path,
            f"--context={context}",
            *args,
            env={
                "KUBECONFIG": str(self.folder / "config"),
                "KUBECACHEDIR": str(self.folder / "cache"),
                "HOME": str(self.folder),
                "PATH": "/usr/bin:/bin",
                **self.environment,
            },
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        self.running.append(process)
        return process

    async def kubectl(self, *args: str, context: str = "admin", given: str | None = None) -> Answer:
        process = await self.start_kubectl(*args, context=context, stdin=given is not None)
        data = given.encode() if given is not None else None
        out, err = await asyncio.wait_for(process.communicate(data), 20)
        assert process.returncode is not None
        return Answer(process.returncode, out.decode(), err.decode())

    async def settled(self, quiet_s: float = 0.1) -> None:
        """Returns when nothing was written for a moment, and no deployment waits for its controller."""
        for _ in range(100):
            before = self.server.store.version
            await asyncio.sleep(quiet_s)
            if self.server.store.version == before and all(
                one.obj["status"].get("observedGeneration") == one.obj["metadata"]["generation"]
                for one in self.server.store.list("deployments")
            ):
                return
        raise AssertionError("the cluster does not come to rest")


def _kubectl(which: str) -> str:
    """The kubectl of the wheel, or the one on PATH, whose version is another."""
    own = str(Path(sys.executable).with_name("kubectl"))
    found = (
        own if which == "wheel" and Path(own).exists() else shutil.which("kubectl", path="/usr/local/bin:/usr/bin:/bin")
    )
    if found is None:
        pytest.skip(f"no kubectl ({which})")
    return found


@pytest.fixture(params=["wheel", pytest.param("path", marks=pytest.mark.oracle)])
async def cluster(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    kubectl = _kubectl(request.param)
    ca = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    users = {ADMIN_TOKEN: User("admin", ("system:masters",)), JOE_TOKEN: User("joe", ("developers",))}
    server = ApiServer(tokens=users, ssl_context=context, seed=1)
    port = await server.start()
    ca.cert_pem.write_to_path(str(tmp_path / "ca.crt"))
    url = f"https://127.0.0.1:{port}"
    (tmp_path / "config").write_text(json.dumps(_kubeconfig(url, tmp_path / "ca.crt")))
    trusting = ssl.create_default_context()
    ca.configure_trust(trusting)
    controllers = asyncio.create_task(run_controllers(server.api("kube-controller-manager"), SystemClock()))
    node = PaperNode(server.api("kubelet"), SystemClock())
    server.join(node)
    kubelet = asyncio.create_task(node.run())
    cluster = Cluster(server, node, url, tmp_path, trusting, kubectl)
    yield cluster
    for process in cluster.running:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    for task in (kubelet, controllers):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await server.stop()


def _kubeconfig(url: str, ca: Path) -> dict[str, object]:
    tokens = {"admin": ADMIN_TOKEN, "joe": JOE_TOKEN}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "yard", "cluster": {"server": url, "certificate-authority": str(ca)}}],
        "users": [{"name": name, "user": {"token": token}} for name, token in tokens.items()],
        "contexts": [{"name": name, "context": {"cluster": "yard", "user": name}} for name in (*tokens, "nobody")],
        "current-context": "admin",
    }
