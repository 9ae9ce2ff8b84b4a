"""
One running yard, for whoever acts on it from outside: its APIs, as a real cluster has them too, and its `control`,
which only a yard of our own has.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from drillyard.base.clock import Clock, SystemClock
from drillyard.base.errors import DrillyardError
from drillyard.cluster.client import Api, ApiError
from drillyard.cluster.http_api import HttpApi
from drillyard.yard import cluster_elsewhere, kubeconfig_context
from drillyard.yard.bank import BankClient
from drillyard.yard.broker import BrokerClient
from drillyard.yard.control.client import ControlClient
from drillyard.yard.datadog import DatadogClient
from drillyard.yard.home import YardFolder, yard_folder
from drillyard.yard.state import YardState

SHOP_NAMESPACE = "sock-shop"


@dataclass(frozen=True)
class Answer:
    """What a service answered, and how long that took."""

    status: int
    text: str
    took_s: float


class Yard:
    """A yard that is up. Made by `open_yard`, which also closes its connections."""

    def __init__(
        self,
        folder: YardFolder,
        state: YardState,
        *,
        api: Api,
        broker: BrokerClient,
        bank: BankClient,
        datadog: DatadogClient,
        control: ControlClient,
        http: httpx.AsyncClient,
        clock: Clock | None = None,
    ) -> None:
        self.folder = folder
        self.state = state
        self.api = api
        self.broker = broker
        self.bank = bank
        self.datadog = datadog
        self.control = control
        self.clock: Clock = clock or SystemClock()
        self._http = http

    def gone(self) -> bool:
        """True when it went down since it was opened."""
        return not self.state.control_plane.alive()

    def url(self, service: str) -> str:
        """Where a service of the yard answers on this machine."""
        return f"http://{self.state.services[service]}"

    async def orders(self) -> list[dict[str, Any]]:
        """Every stored order, as `GET /orders` lists them. Raises DrillyardError when orders does not answer."""
        try:
            answer = await self._http.get(f"{self.url('orders')}/orders")
            answer.raise_for_status()
            listed: list[dict[str, Any]] = answer.json()["_embedded"]["customerOrders"]
        except (httpx.HTTPError, ValueError, KeyError) as lost:
            raise DrillyardError(f"The orders could not be listed: {type(lost).__name__} {lost}.") from lost
        return listed

    async def look(self, service: str, path: str, *, timeout_s: float = 15) -> Answer:
        """One GET of a service from this machine, timed. Raises DrillyardError when no answer comes."""
        return await self.ask("GET", service, path, timeout_s=timeout_s)

    async def ask(
        self,
        method: str,
        service: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 15,
    ) -> Answer:
        """One request with a JSON body to a service, timed. Raises DrillyardError when no answer comes."""
        began_s = self.clock.monotonic_s()
        try:
            answer = await self._http.request(
                method, f"{self.url(service)}{path}", json=body, headers=headers, timeout=timeout_s
            )
        except httpx.HTTPError as lost:
            raise DrillyardError(f"{service} did not answer {path}: {type(lost).__name__} {lost}.") from lost
        return Answer(answer.status_code, answer.text, self.clock.monotonic_s() - began_s)

    async def ready_addresses(self, service: str, namespace: str = SHOP_NAMESPACE) -> int:
        """How many ready endpoints the Service has."""
        try:
            endpoints = await self.api.get("endpoints", namespace, service)
        except ApiError as refused:
            if refused.status == 404:
                return 0
            raise
        return sum(len(subset.get("addresses") or ()) for subset in endpoints.get("subsets") or ())


@contextlib.asynccontextmanager
async def open_yard(name: str) -> AsyncIterator[Yard]:
    """
    The running yard of that name, or the cluster of the context that `--context` chose.

    Raises DrillyardError when it is not up.
    """
    folder = yard_folder(name)
    async with contextlib.AsyncExitStack() as stack:
        context = cluster_elsewhere.chosen()
        if context:
            state, api = await cluster_elsewhere.look(folder, context, stack)
        else:
            state, api = _own(folder)
            stack.push_async_callback(api.close)
        broker = BrokerClient(state.management_url)
        stack.push_async_callback(broker.close)
        bank = BankClient(f"http://{state.services['bank']}", state.bank_key, state.bank_admin_key)
        stack.push_async_callback(bank.close)
        datadog = DatadogClient(state.datadog_url, state.api_key, state.app_key)
        stack.push_async_callback(datadog.close)
        control = ControlClient(state.control_url, state.control_token)
        stack.push_async_callback(control.close)
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=10))
        yield Yard(folder, state, api=api, broker=broker, bank=bank, datadog=datadog, control=control, http=http)


def _own(folder: YardFolder) -> tuple[YardState, HttpApi]:
    return YardState.require(folder), kubeconfig_context.connect([folder.kubeconfig])
