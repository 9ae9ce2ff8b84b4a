"""
One request over somebody's own link, to see what that client sees: an answer, a refusal, a reset, or nothing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import aiohttp

from drillyard.base.errors import DrillyardError
from drillyard.cluster.network.service_network import ServiceNetwork

_TIMEOUT_MAX_S = 10.0


async def probe(network: ServiceNetwork, wish: Mapping[str, Any]) -> dict[str, Any]:
    """
    GETs `path` of `service` over the link of `client`, and tells `status` (None without an answer), `error` ("refused",
    "reset", "silence" or None), `bytes` of the body and `took_s`.

    Waits `timeout_s` at most. Raises DrillyardError where there is no such link.
    """
    client, service = str(wish.get("client")), str(wish.get("service"))
    port = network.edge_port(client, service, wish.get("port"))
    if port is None:
        raise DrillyardError(
            f"There is no link from {client} to {service}.",
            hint='Name a workload such as "sock-shop/front-end" and a Service such as "sock-shop/catalogue".',
        )
    timeout = aiohttp.ClientTimeout(total=min(float(wish.get("timeout_s", 2.0)), _TIMEOUT_MAX_S))
    began_s = time.perf_counter()
    status, error, size = None, None, 0
    try:
        async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
            # A connection of its own, and no second try: what is looked at is this one request.
            session._retry_connection = False
            path = str(wish.get("path", "/health"))
            headers = {"Host": service.partition("/")[2]}
            async with session.get(f"http://127.0.0.1:{port}{path}", headers=headers) as answer:
                status, size = answer.status, len(await answer.read())
    except TimeoutError:
        error = "silence"
    except aiohttp.ClientConnectorError:
        error = "refused"
    except (aiohttp.ClientError, OSError):
        error = "reset"
    return {"status": status, "error": error, "bytes": size, "took_s": time.perf_counter() - began_s}
