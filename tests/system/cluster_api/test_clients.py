"""
Client libraries that people use, each in its own process: list, watch, patch, exec, logs, port-forward.

They are no dependency of ours: scripts/oracles.sh puts them into .oracles where there is a network.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from .conftest import Cluster
from .test_kubectl import shop

__all__ = ["shop"]

CLIENTS = Path(__file__).parent / "clients"
INSTALLED = Path(__file__).parents[3] / ".oracles"
ALL = {
    "list": 1,
    "watch": "ADDED",
    "exec": "hello\n",
    "exit code": 3,
    "logs": "payment says 2\n",
    "port-forward": "echo me",
}

pytestmark = [pytest.mark.oracle, pytest.mark.parametrize("cluster", ["wheel"], indirect=True)]


async def run(cluster: Cluster, *command: str) -> dict[str, object]:
    process = await asyncio.create_subprocess_exec(
        *command,
        env={"KUBECONFIG": str(cluster.folder / "config"), "HOME": str(cluster.folder), "PATH": os.environ["PATH"]}
        | {"PYTHONPATH": str(INSTALLED / "python")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    cluster.running.append(process)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    seen: dict[str, object] = json.loads(out)
    return seen


def must_have(library: str) -> None:
    if not (INSTALLED / library).exists():
        pytest.skip(f"{library} is not installed in .oracles: see scripts/oracles.sh")


async def test_the_official_python_client(shop: Cluster) -> None:
    must_have("python/kubernetes")
    seen = await run(shop, sys.executable, str(CLIENTS / "official.py"))
    more = {"paged": True, "patch": "client", "scale": 1, "stdin": "typed", "apply": "b"}
    assert seen.pop("follow") == ["payment says 2", "payment goes on 1"]
    assert seen == {**ALL, **more}


async def test_kr8s(shop: Cluster) -> None:
    must_have("python/kr8s")
    seen = await run(shop, sys.executable, str(CLIENTS / "kr8s_client.py"))
    assert seen == {**ALL, "patch": "kr8s", "scale": 1, "whoami": "admin"}


async def test_the_node_client(shop: Cluster, tmp_path: Path) -> None:
    must_have("node_modules/@kubernetes/client-node")
    (tmp_path / "node_modules").symlink_to(INSTALLED / "node_modules")
    script = shutil.copy(CLIENTS / "node.mjs", tmp_path)
    assert await run(shop, shutil.which("node") or "node", script) == {**ALL, "patch": "node"}
