"""
The node knows the API server by its HTTPS API alone, with the rights that a real cluster gives its nodes: so it works
with any, and lives through its absence.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path

from drillyard.base.clock import SystemClock
from drillyard.base.spawner import Spawner
from drillyard.cluster.apiserver.auth import User
from drillyard.cluster.apiserver.server import ApiServer
from drillyard.cluster.client import Api, Object
from drillyard.cluster.controllers.run import run_controllers
from drillyard.cluster.http_api import HttpApi
from drillyard.cluster.kubelet.kubelet import Kubelet
from drillyard.cluster.kubelet.settings import NodeSettings
from drillyard.cluster.network.service_network import ServiceNetwork
from drillyard.yard import certificates

from .conftest import HERE, IMAGES, Cluster, is_ready, main_status
from .test_pods import WEB, _get, _process

NODE = {"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:nodes"}
PROXY = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "system:kube-proxy"}
# What kube-apiserver's own ClusterRoles system:node and system:node-proxier allow, of the kinds that are served here
# (plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go). A real one narrows them further to the node's own pods.
NODE_RULES = [
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["create", "get", "list", "watch", "update", "patch"]},
    {"apiGroups": [""], "resources": ["nodes/status", "pods/status"], "verbs": ["update", "patch"]},
    {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "update", "patch"]},
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create", "delete"]},
    {"apiGroups": [""], "resources": ["configmaps", "secrets"], "verbs": ["get", "list", "watch"]},
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["get", "create", "update", "patch", "delete"],
    },
]
PROXY_RULES = [
    {"apiGroups": [""], "resources": ["services", "endpoints"], "verbs": ["list", "watch"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
]


async def _allow(api: Api, name: str, subject: Object, rules: list[Object]) -> None:
    """A ClusterRole, and its binding to the subject."""
    await api.create("clusterroles", None, {"metadata": {"name": name}, "rules": rules})
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    await api.create("clusterrolebindings", None, {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]})


async def test_a_node_joins_over_https_and_its_pods_outlive_the_server(tmp_path: Path) -> None:
    certificate = certificates.make(tmp_path)
    trusted = ssl.create_default_context(cadata=certificate.ca_pem.decode())
    users = {
        "of the node": User("system:node:node-1", ("system:nodes",)),
        "of the proxy": User("system:kube-proxy", ()),
    }
    server = ApiServer(tokens=users, ssl_context=certificate.server, clock=SystemClock(), seed=1)
    url = f"https://127.0.0.1:{await server.start()}"
    for name, subject, rules in (("node", NODE, NODE_RULES), ("node-proxier", PROXY, PROXY_RULES)):
        await _allow(server.api("test"), f"system:{name}", subject, rules)
    controllers = asyncio.create_task(run_controllers(server.api("controllers"), SystemClock()))
    spawner = Spawner(preload=["node_entries"], env={**os.environ, "PYTHONPATH": HERE})
    try:
        async with (
            spawner,
            HttpApi(url, token="of the node", ssl_context=trusted, timeout_s=2) as api,
            HttpApi(url, token="of the proxy", ssl_context=trusted, timeout_s=2) as proxy_api,
        ):
            network = ServiceNetwork(proxy_api, spawner, folder=tmp_path / "network", ports=range(21900, 22000))
            await network.start()
            settings = NodeSettings(folder=tmp_path / "node", name="node-1", heartbeat_s=0.2)
            async with Kubelet(api, spawner, network, IMAGES, settings) as node:
                cluster = Cluster(server.api("test"), node, network, tmp_path)
                selector = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
                await cluster.api.create("services", "default", {"metadata": {"name": "web"}, "spec": selector})
                await cluster.api.create(
                    "secrets", "default", {"metadata": {"name": "s"}, "stringData": {"KEY": "given"}}
                )
                env_from = [{"secretRef": {"name": "s"}}]
                await cluster.run_pod("web", "web", metadata={"labels": {"app": "web"}}, envFrom=env_from, **WEB)
                pod = await cluster.pod_when("web", is_ready)
                assert main_status(pod)["restartCount"] == 0
                address = network.addresses()["default/web:80"]
                async with asyncio.timeout(5):
                    seen = await _answer(address)
                controllers.cancel()
                await server.stop()
                process = await _process("default/web main")
                process.kill()
                async with asyncio.timeout(15):
                    while (again := await _answer(address))["pid"] == seen["pid"]:
                        await asyncio.sleep(0.02)
                assert again["env"]["HOSTNAME"] == "web" and again["env"]["KEY"] == "given"
            await network.stop()
    finally:
        controllers.cancel()
        await asyncio.gather(controllers, return_exceptions=True)
        await server.stop()


async def _answer(address: str) -> dict[str, object]:
    while True:
        try:
            return await _get(address)
        except (OSError, ValueError):
            await asyncio.sleep(0.02)
