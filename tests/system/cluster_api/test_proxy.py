"""
`services/proxy` and `pods/proxy`, as `kubectl get --raw` and `kubectl proxy` use them.

Behind the paper node stands a small web server.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from drillyard.cluster.kubelet.pod_connection import PodConnection

from .conftest import ADMIN_TOKEN, WITHOUT_KUBECTL, Cluster
from .test_kubectl import kubectl, shop

__all__ = ["shop"]

PLACE = "/api/v1/namespaces/sock-shop/services/http:payment:80/proxy"


async def _told(request: web.BaseRequest) -> web.StreamResponse:
    if request.path == "/away":
        raise web.HTTPFound("/login?next=1")
    if request.path == "/torn":
        assert request.transport is not None
        request.transport.close()
    return web.json_response(
        {
            "asked": f"{request.method} {request.rel_url.raw_path_qs}",
            "host": request.host,
            "secret": request.headers.get("Authorization"),
            "body": await request.text(),
        },
        headers={"X-From": "payment"},
    )


@pytest.fixture
async def served(shop: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Cluster]:
    runner = web.ServerRunner(web.Server(_told))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]

    async def forward(namespace: str, pod: str, number: int) -> PodConnection:
        return await PodConnection.open(port if number == 80 else None)

    monkeypatch.setattr(shop.node, "port_forward", forward)
    yield shop
    await runner.cleanup()


async def _ask(cluster: Cluster, method: str, path: str, **more: Any) -> tuple[aiohttp.ClientResponse, bytes]:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}) as session,
        session.request(method, cluster.url + path, ssl=cluster.ssl_context, allow_redirects=False, **more) as response,
    ):
        return response, await response.read()


async def test_a_request_is_handed_on_without_its_secrets_and_the_answer_back(served: Cluster) -> None:
    raw = json.loads(await kubectl(served, f"get --raw {PLACE}/a/b%20c?d=e"))
    assert raw == {"asked": "GET /a/b%20c?d=e", "host": "payment:80", "secret": None, "body": ""}
    response, body = await _ask(served, "POST", f"{PLACE}/pay", data=b"x" * 100_000)
    assert (response.status, response.headers["X-From"]) == (200, "payment")
    assert json.loads(body)["body"] == "x" * 100_000
    response, body = await _ask(served, "HEAD", f"{PLACE}/a")
    assert (response.status, body) == (200, b"")
    pod = (await kubectl(served, "-n sock-shop get pods -l name=payment -o name")).strip().removeprefix("pod/")
    assert '"GET /"' in await kubectl(served, f"get --raw /api/v1/namespaces/sock-shop/pods/{pod}:80/proxy/")


@WITHOUT_KUBECTL
async def test_a_redirect_stays_below_the_proxy(served: Cluster) -> None:
    response, _ = await _ask(served, "GET", f"{PLACE}/away")
    assert (response.status, response.headers["Location"]) == (302, f"{PLACE}/login?next=1")


@WITHOUT_KUBECTL
@pytest.mark.parametrize(
    ("path", "code", "told"),
    [
        (f"{PLACE}/torn", 503, "error trying to reach service"),
        (PLACE.replace(":80/", ":81/"), 503, 'no service port "81" found for service "payment"'),
        (PLACE.replace("http:", "https:"), 400, "plain HTTP only"),
        (PLACE.replace("http:", "a:b:"), 400, "invalid service or pod request"),
        (PLACE.replace("payment", "nothing"), 404, 'services "nothing" not found'),
    ],
)
async def test_what_cannot_be_asked_is_a_status(served: Cluster, path: str, code: int, told: str) -> None:
    response, body = await _ask(served, "GET", path)
    assert (response.status, told in json.loads(body)["message"]) == (code, True)


async def test_a_service_without_ready_pods_has_no_endpoints(served: Cluster) -> None:
    await kubectl(served, "-n sock-shop scale deployment/payment --replicas=0")
    await served.settled()
    answer = await served.kubectl("get", "--raw", f"{PLACE}/health")
    assert (answer.code, 'no endpoints available for service "payment"' in answer.err) == (1, True)


async def test_looking_at_a_namespace_gives_no_right_to_its_pods_pages(served: Cluster) -> None:
    for role in ("view", "edit"):
        await kubectl(served, f"-n sock-shop create rolebinding {role} --clusterrole={role} --user=joe")
        answer = await served.kubectl("get", "--raw", f"{PLACE}/health", context="joe")
        assert answer.code == (1 if role == "view" else 0)
