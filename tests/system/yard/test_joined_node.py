"""`python -m drillyard.yard.joined_node` joins a cluster that it knows by a kubeconfig alone, and leaves nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import sys
from pathlib import Path

import aiohttp
import pytest
import trustme

from drillyard.base.clock import SystemClock
from drillyard.base.ports import free_port
from drillyard.cluster.apiserver.auth import MASTERS, User
from drillyard.cluster.apiserver.server import ApiServer
from drillyard.cluster.controllers.run import run_controllers
from drillyard.yard import certificates, kubeconfig


async def _start(home: Path, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "drillyard.yard.joined_node",
        *("--name", "node-1", "--address", "127.0.0.1", *arguments),
        env={**os.environ, "DRILLYARD_HOME": str(home)},
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.long
async def test_a_pod_of_the_cluster_runs_and_answers_to_its_api_server(tmp_path: Path) -> None:
    certificate = certificates.make(tmp_path)
    server = ApiServer(tokens={"t": User("node", (MASTERS,))}, ssl_context=certificate.server, clock=SystemClock())
    port, node_port = await server.start(), free_port()
    file = tmp_path / "kubeconfig"
    kubeconfig.write(
        file, server=f"https://127.0.0.1:{port}", ca_pem=certificate.ca_pem, token="t", user="node", name="elsewhere"
    )
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "client-ca.crt")
    controllers = asyncio.create_task(run_controllers(server.api("controllers"), SystemClock()))
    api = server.api("test")
    arguments = ("--kubeconfig", str(file), "--port", str(node_port), "--client-ca", str(tmp_path / "client-ca.crt"))
    node = await _start(tmp_path / "home", *arguments)
    try:
        spec = {"containers": [{"name": "main", "image": "busybox", "args": ["-c", "echo here; sleep 60"]}]}
        await api.create("pods", "default", {"metadata": {"name": "p"}, "spec": spec})
        async with asyncio.timeout(120):
            while (await api.get("pods", "default", "p")).get("status", {}).get("phase") != "Running":
                await asyncio.sleep(0.1)
        [joined] = (await api.list("nodes")).items
        assert joined["status"]["daemonEndpoints"] == {"kubeletEndpoint": {"Port": node_port}}
        assert "node-role.kubernetes.io/control-plane" not in joined["metadata"]["labels"]
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # As kube-apiserver's default.
        authority.issue_cert("kube-apiserver").configure_cert(context)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            answer = await session.get(f"https://127.0.0.1:{node_port}/containerLogs/default/p/main")
            assert await answer.text() == "here\n"
        node.send_signal(signal.SIGTERM)
        await asyncio.wait_for(node.communicate(), 30)
        assert (node.returncode, list((tmp_path / "home" / "nodes").iterdir())) == (0, [])
    finally:
        if node.returncode is None:
            node.kill()
            await node.communicate()
        controllers.cancel()
        await asyncio.gather(controllers, return_exceptions=True)
        await server.stop()


async def test_a_context_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    node = await _start(tmp_path / "home", "--kubeconfig", str(tmp_path / "none"), "--client-ca", str(tmp_path / "ca"))
    _, said = await asyncio.wait_for(node.communicate(), 30)
    assert node.returncode == 1
    assert b"no file that exists" in said and b"Traceback" not in said
