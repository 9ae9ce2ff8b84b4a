"""
Gives pods and Services their places: watches Services and EndpointSlices, tells the edge proxy, writes each pod's
table.

Everything is worked out again on every change and only differences are sent: a few hundred edges take milliseconds, and
there is no second state that could drift. A port stays with its edge for the edge's life, so that a table stays true
for a client that read it a moment ago. Endpoints that are not ready take their listener away before the pod is told to
end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drillyard.base.clock import SystemClock
from drillyard.base.errors import DrillyardError
from drillyard.base.spawner import Spawner, SpawnError
from drillyard.cluster.client import Api, EventType, Object, PodAddress
from drillyard.cluster.informer import Informer
from drillyard.cluster.network import topology
from drillyard.cluster.network.address_pool import AddressPool
from drillyard.cluster.network.link_fault import Impairment
from drillyard.cluster.network.links import Links
from drillyard.cluster.network.links_api import LinksApi
from drillyard.cluster.network.port_pool import PortPool
from drillyard.cluster.network.proxy_client import ProxyClient, ProxyLostError
from drillyard.cluster.network.tables import TABLE, Tables
from drillyard.cluster.network.topology import HOST, Backend, Client, EdgeKey
from drillyard.cluster.supervision import supervised

_log = logging.getLogger(__name__)
_SETTLE_TIMEOUT_S = 15.0
_RETRY_S = 0.2
_SYNC_TIMEOUT_S = 30.0
_SERVICE_OF_SLICE = "kubernetes.io/service-name"
_API_SERVICE = "default/kubernetes"
_API_ADDRESS = "10.96.0.1"


@dataclass(frozen=True)
class _Told:
    """What the proxy knows of an edge."""

    port: int
    backends: list[Backend]
    fault: Impairment | None

    def to_json(self) -> dict[str, Any]:
        fault = self.fault.to_json() if self.fault is not None else None
        return {"port": self.port, "backends": self.backends, "fault": fault}


class ServiceNetwork:
    """
    Implements `PodNetwork`. `folder` holds the tables, `ports` is the yard's range of loopback ports, and
    `more_ports` gives another one when that is used up.

    `api_server_port` is where pods reach `kubernetes.default.svc`; `host_ports` are wished-for ports of this machine,
    such as `{"sock-shop/front-end:80": 2025}`, used where they are free. `links` holds the faults of links.
    """

    def __init__(
        self,
        api: Api,
        spawner: Spawner,
        *,
        folder: Path,
        ports: range,
        more_ports: Callable[[], range] | None = None,
        api_server_port: int | None = None,
        host_ports: Mapping[str, int] | None = None,
    ) -> None:
        self._folder = folder
        self._clock = SystemClock()
        self._pool = PortPool(ports, more=more_ports)
        self._api_server_port = api_server_port
        self._host_ports = dict(host_ports or {})
        self._services = Informer(api, "services")
        self._slices = Informer(api, "endpointslices")
        self._proxy = ProxyClient(spawner, folder / "edge-proxy.log")
        self._clients: dict[str, Client] = {HOST: Client(HOST, "", HOST)}
        self._edge_ports: dict[EdgeKey, int] = {}
        self._told: dict[EdgeKey, _Told] = {}
        self._addresses = AddressPool()
        self._tables = Tables()
        self._tasks: list[asyncio.Task[None]] = []
        self._dirty = asyncio.Event()
        self._asked = self._done = 0
        self._settled = asyncio.Condition()
        self.links = Links(self.settle)
        self._links_api = LinksApi(self.links, folder / "links.sock")

    async def start(self) -> None:
        """Starts the proxy and the watches; returns when what exists is in place. Raises DrillyardError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._folder.chmod(0o711)  # PostgreSQL's own user reads its pod's table through it.
        for informer in (self._services, self._slices):
            informer.listen(self._changed)
            self._tasks.append(supervised(f"network: watch {informer.kind}", informer.run, self._clock))
        self._tasks.append(supervised("network: settle", self._keep_settled, self._clock))
        try:
            async with asyncio.timeout(_SYNC_TIMEOUT_S):
                await asyncio.gather(self._services.synced.wait(), self._slices.synced.wait())
        except TimeoutError as late:
            await self.stop()
            raise DrillyardError(f"The API server listed no Services within {_SYNC_TIMEOUT_S:.0f} s.") from late
        await self.settle()
        await self._links_api.start()

    async def stop(self) -> None:
        """Ends the proxy. Harmless twice."""
        await self._links_api.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._proxy.stop()

    async def attach(self, pod: Mapping[str, Any], ports: Sequence[int]) -> PodAddress:
        """Gives the pod an address and its container ports a way in. Raises DrillyardError when there is no room."""
        uid = pod["metadata"]["uid"]
        client = self._clients.get(uid)
        if client is None:
            wanted = sorted({*ports, *topology.selected_target_ports(dict(pod), self._services.objects.values())})
            folder = self._folder / uid
            folder.mkdir(exist_ok=True)
            folder.chmod(0o755)
            client = self._clients[uid] = Client(
                uid,
                pod["metadata"]["namespace"],
                pod["metadata"]["name"],
                topology.workload_of(dict(pod)),
                self._addresses.take({other.ip for other in self._clients.values()}),
                {port: self._pool.take() for port in wanted},
                folder,
            )
        await self.settle()
        assert client.folder is not None
        return PodAddress(client.ip, str(client.folder / TABLE), client.listen)

    async def detach(self, pod_uid: str) -> None:
        """Takes address, ports, listeners and table back."""
        client = self._clients.pop(pod_uid, None)
        if client is None:
            return
        await self.settle()
        for mapped in client.listen.values():
            self._pool.give_back(mapped)
        self._tables.remove(client)

    def addresses(self) -> dict[str, str]:
        """Where this machine reaches each Service: {"namespace/service:port": "127.0.0.1:N"}."""
        return {
            f"{key.service}:{key.port}": f"127.0.0.1:{port}"
            for key, port in sorted(self._edge_ports.items(), key=lambda item: (item[0].service, item[0].port))
            if key.client == HOST
        }

    def edge_port(self, client: str, service: str, port: int | None = None) -> int | None:
        """
        The loopback port by which a client ("namespace/workload", or "host") reaches a Service ("namespace/name").

        Of several pods the first; without `port` the Service's first. None where there is no such edge.
        """
        uids = {uid for uid, one in self._clients.items() if client in one.names}
        found = [
            (key.port, number)
            for key, number in self._edge_ports.items()
            if key.client in uids and key.service == service and port in (None, key.port)
        ]
        return min(found)[1] if found else None

    async def settle(self) -> None:
        """Waits until everything known by now is in place. Raises DrillyardError when that takes over 15 s."""
        self._asked += 1
        wanted = self._asked
        self._dirty.set()
        try:
            async with asyncio.timeout(_SETTLE_TIMEOUT_S), self._settled:
                await self._settled.wait_for(lambda: self._done >= wanted)
        except TimeoutError as late:
            raise DrillyardError(f"The service network did not settle within {_SETTLE_TIMEOUT_S:.0f} s.") from late

    def _changed(self, change: EventType, obj: Object) -> None:
        self._dirty.set()

    async def _keep_settled(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            serving = self._asked
            try:
                await self._tell_proxy()
                self._write_tables()
            except (ProxyLostError, SpawnError, OSError, DrillyardError) as failed:
                _log.error("the service network is not in place, trying again: %s", failed)
                await self._proxy.stop()
                await asyncio.sleep(_RETRY_S)
                self._dirty.set()
                continue
            except Exception:
                self._dirty.set()  # For whoever takes over.
                raise
            async with self._settled:
                self._done = serving
                self._settled.notify_all()

    async def _tell_proxy(self) -> None:
        if not self._proxy.running:
            self._told.clear()
            process = await self._proxy.start()
            self._tasks = [task for task in self._tasks if not task.done()]
            self._tasks.append(asyncio.create_task(self._notice_end(process.wait()), name="network: proxy"))
        wanted = {
            key: (backends, self.links.on(self._clients[key.client], key.service, key.port))
            for key, backends in self._wanted()
        }
        for key in wanted.keys() - self._edge_ports.keys():
            self._edge_ports[key] = self._pool.take(self._preferred(key))
        removed = [key for key in self._edge_ports if key not in wanted]
        while changed := {
            key: told
            for key, (backends, fault) in wanted.items()
            if self._told.get(key) != (told := _Told(self._edge_ports[key], backends, fault))
        }:
            answer = await self._proxy.ask(
                {
                    "op": "apply",
                    "edges": {str(key): told.to_json() for key, told in changed.items()},
                    "removed": [str(key) for key in removed],
                }
            )
            self._told.update({key: told for key, told in changed.items() if str(key) not in answer["failed"]})
            for key in changed:
                if str(key) in answer["failed"]:  # A stranger was faster: this edge gets another port.
                    _log.warning("port %d: %s", self._edge_ports[key], answer["failed"][str(key)])
                    self._edge_ports[key] = self._pool.take()
            self._forget(removed)
            removed = []
        if removed:
            await self._proxy.ask({"op": "apply", "removed": [str(key) for key in removed]})
            self._forget(removed)

    async def _notice_end(self, ended: Any) -> None:
        await ended
        _log.error("the edge proxy has ended; starting another")
        self._dirty.set()

    def _forget(self, removed: Sequence[EdgeKey]) -> None:
        for key in removed:
            self._pool.give_back(self._edge_ports.pop(key))
            self._told.pop(key, None)

    def _preferred(self, key: EdgeKey) -> int | None:
        return self._host_ports.get(f"{key.service}:{key.port}") if key.client == HOST else None

    def _slices_of(self, service: Object) -> list[Object]:
        metadata = service["metadata"]
        return [
            part
            for (namespace, _), part in self._slices.objects.items()
            if namespace == metadata["namespace"]
            and (part["metadata"].get("labels") or {}).get(_SERVICE_OF_SLICE) == metadata["name"]
        ]

    def _wanted(self) -> Iterator[tuple[EdgeKey, list[Backend]]]:
        """Every edge that should exist, and where it leads."""
        loopback = {
            (client.ip, port): mapped for client in self._clients.values() for port, mapped in client.listen.items()
        }
        in_cluster = {client.ip: client for client in self._clients.values() if client.ip}
        for service in self._services.objects.values():
            key = topology.service_key(service)
            if not topology.has_cluster_ip(service) or (key == _API_SERVICE and self._api_server_port):
                continue
            slices = self._slices_of(service)
            for port in topology.tcp_ports(service):
                backends = topology.backends_of(port, slices, loopback, in_cluster)
                for uid in self._clients:
                    one = service["spec"].get("sessionAffinity") == "ClientIP"
                    yield EdgeKey(uid, key, port["port"]), topology.sticky(backends, uid) if one else backends

    def _write_tables(self) -> None:
        services = list(self._services.objects.values())
        clients = list(self._clients.values())
        headless: dict[str, str] = {}
        for service in services:
            if topology.is_headless(service) and (ready := topology.ready_addresses(self._slices_of(service))):
                headless[topology.service_key(service)] = ready[0]
        names, connect = self._api_server_place()
        for client in clients:
            if client.folder is None:
                continue
            table = topology.table_of(client, services, clients, self._edge_ports, headless, names, connect)
            self._tables.write(client, table)

    def _api_server_place(self) -> tuple[dict[str, str], dict[str, int]]:
        if self._api_server_port is None:
            return {}, {}
        service = self._services.objects.get(("default", "kubernetes"))
        address = (service or {}).get("spec", {}).get("clusterIP") or _API_ADDRESS
        known = {"metadata": {"name": "kubernetes", "namespace": "default"}}
        return dict.fromkeys(topology.names_of(known, ""), address), {f"{address}:443": self._api_server_port}
