"""
Any cluster as a yard: the shop of `deploy/` in it, reached through its Kubernetes API and nothing else.

Services are reached through port-forwards of this process; the bank's keys are read from its Secret; the telemetry is
whatever Datadog-compatible API the environment names, as Datadog's own clients name it. There is no control of links,
processes and stores: faults that need it are refused with a sentence.
"""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from urllib.parse import urlsplit

from drillyard.base.clock import rfc3339
from drillyard.base.errors import DrillyardError
from drillyard.base.processes import identify
from drillyard.cluster.client import ApiError
from drillyard.cluster.http_api import HttpApi
from drillyard.cluster.port_forward import PortForward
from drillyard.yard import context_rights, endpoints, kubeconfig_context
from drillyard.yard.home import CONTEXT, YardFolder
from drillyard.yard.state import YardState

_HINT = "Apply deploy/ to it first, see docs/real-cluster.md."


def chosen() -> str | None:
    """The context that `--context` or DRILL_CONTEXT names."""
    return os.environ.get(CONTEXT) or None


async def look(folder: YardFolder, context: str, stack: AsyncExitStack) -> tuple[YardState, HttpApi]:
    """
    What a yard's state says, found out of the cluster, and the client of its API. Both end with the stack.

    Raises DrillyardError when the cluster does not answer, has no shop, or the environment names no telemetry.
    """
    telemetry, api_key, app_key = _telemetry(os.environ)
    api = kubeconfig_context.connect(kubeconfig_context.paths_of(os.environ.get("KUBECONFIG", "")), context)
    stack.push_async_callback(api.close)
    try:
        await context_rights.must_be_allowed(api, context)
        services = await _forward(api, stack)
        bank = (await api.get("secrets", "bank", "bank"))["data"]
    except ApiError as refused:
        raise _refusal(context, refused) from refused
    except (OSError, TimeoutError) as lost:
        raise DrillyardError(f"The cluster of context {context} does not answer: {lost or 'timed out'}.") from lost
    services["telemetry"] = urlsplit(telemetry).netloc
    folder.path.mkdir(mode=0o711, parents=True, exist_ok=True)
    state = YardState(
        name=folder.name,
        control_plane=identify(os.getpid()),
        created_at=rfc3339(datetime.now(UTC)),
        api_server="",
        services=services,
        telemetry_url=telemetry,
        api_key=api_key,
        app_key=app_key,
        bank_key=base64.b64decode(bank["key"]).decode(),
        bank_admin_key=base64.b64decode(bank["admin-key"]).decode(),
        control_url="",
        control_token="",
        amqp_url=os.environ.get("AMQP_URL") or f"amqp://guest:guest@{services.get('rabbitmq', '')}/",
        management_url=_management(services, os.environ),
        page_url=f"http://{services['front-end']}",
    )
    return state, api


def _refusal(context: str, refused: ApiError) -> DrillyardError:
    if refused.status == 401:
        hint = "`kubectl config view` shows which credentials it has; log in to the cluster again."
        return DrillyardError(f"The cluster does not accept the credentials of context {context}.", hint=hint)
    return DrillyardError(f"Context {context}: {refused.message}.", hint=_HINT)


async def _forward(api: HttpApi, stack: AsyncExitStack) -> dict[str, str]:
    """Name → loopback address of what the cluster has. Raises DrillyardError when the shop is not in it."""
    known = await asyncio.gather(*(api.list("services", namespace) for namespace in ("sock-shop", "bank")))
    there = {f"{one['metadata']['namespace']}/{one['metadata']['name']}" for listed in known for one in listed.items}
    found: dict[str, str] = {}
    for name, (namespace, service, port) in endpoints.places().items():
        if f"{namespace}/{service}" not in there:
            if service == "rabbitmq":
                continue  # A broker outside of the cluster: the environment names it.
            raise DrillyardError(f"The cluster has no Service {service} in namespace {namespace}.", hint=_HINT)
        forward = PortForward(api, namespace, service, port)
        stack.push_async_callback(forward.stop)
        found[name] = await forward.start()
    return found


def _telemetry(environment: Mapping[str, str]) -> tuple[str, str, str]:
    """URL and keys, by the names that Datadog's clients use. Raises DrillyardError."""
    site = environment.get("DD_SITE")
    url = environment.get("DD_BASE_URL") or (f"https://api.{site}" if site else "")
    keys = [environment.get(key, "") for key in ("DD_API_KEY", "DD_APP_KEY")]
    if not url or not all(keys):
        raise DrillyardError(
            "A cluster elsewhere does not say where its logs can be searched.",
            hint="Set DD_SITE (such as datadoghq.com) or DD_BASE_URL, and DD_API_KEY and DD_APP_KEY.",
        )
    return url.rstrip("/"), keys[0], keys[1]


def _management(services: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """RabbitMQ's management API: the cluster's own, else the one that the environment names. Raises DrillyardError."""
    user, password = environment.get("RABBITMQ_USER", "guest"), environment.get("RABBITMQ_PASSWORD", "guest")
    if "rabbitmq-management" in services:
        return f"http://guest:guest@{services['rabbitmq-management']}"
    named = urlsplit(environment.get("RABBITMQ_MANAGEMENT_URL", ""))
    if not named.netloc:
        raise DrillyardError(
            "The cluster has no Service rabbitmq, and RABBITMQ_MANAGEMENT_URL names no other broker.", hint=_HINT
        )
    return f"{named.scheme}://{user}:{password}@{named.netloc}"
