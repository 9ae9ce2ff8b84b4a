from __future__ import annotations

import shutil

import pytest

from drillyard.cluster.client import StreamOptions

from .conftest import Cluster, is_ready
from .test_pods import WEB
from .test_streams import _collect


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
async def test_curl_in_a_pod_knows_cluster_names_and_is_refused_as_in_a_cluster(cluster: Cluster) -> None:
    service = {
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 8080, "targetPort": 80}]},
    }
    await cluster.api.create("services", "default", service)
    await cluster.run_pod("web", "web", metadata={"labels": {"app": "web"}}, **WEB)
    await cluster.run_pod("shell", "curl", command=["sleep", "1000"])
    await cluster.pod_when("web", is_ready)
    await cluster.pod_when("shell", is_ready)

    async def curl(url: str) -> tuple[str, int]:
        command = ["curl", "-sS", "-o", "/dev/null", "--max-time", "5", url]
        got, code = await _collect(
            await cluster.node.exec("default", "shell", "main", command, StreamOptions(stdin=False))
        )
        return got["stderr"].decode(), code

    for _ in range(100):  # The endpoints follow the pod's readiness a moment later.
        if (await curl("http://web:8080/"))[1] == 0:
            break
    assert await curl("http://web.default.svc.cluster.local:8080/") == ("", 0)
    await cluster.api.delete("pods", "default", "web")
    await cluster.gone("web")
    text, code = await curl("http://web:8080/")
    assert (code, "Failed to connect" in text) == (7, True)
