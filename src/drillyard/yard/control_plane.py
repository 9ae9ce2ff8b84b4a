"""
The control plane of one yard: one process that starts everything else, and whose end ends everything else.

Started by `drill up` (`python -m drillyard.yard.control_plane NAME PROGRESS_FD LOCK_FD OPTIONS`). It reports progress
through the pipe, one JSON object per line, until `ready` or `failed`; then it runs until SIGTERM. The order of the
start is chosen for speed: what takes long (the zygote's imports, the databases' templates) begins first, and
everything that can wait for it in parallel does.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drillyard.base.clock import SystemClock, rfc3339
from drillyard.base.errors import DrillyardError
from drillyard.base.files import write_atomically
from drillyard.base.processes import identify
from drillyard.base.spawner import Spawner
from drillyard.cluster import resources
from drillyard.cluster.apiserver.auth import MASTERS, User
from drillyard.cluster.apiserver.server import ApiServer
from drillyard.cluster.client import Api
from drillyard.cluster.controllers.run import run_controllers
from drillyard.cluster.kubelet.kubelet import Kubelet
from drillyard.cluster.kubelet.settings import NodeSettings
from drillyard.cluster.network.service_network import ServiceNetwork
from drillyard.yard import certificates, dead_man, images, kubeconfig, manifests, port_range, templates
from drillyard.yard.control.server import ControlServer
from drillyard.yard.endpoints import PAGE_PORT, PAGE_SERVICE, services
from drillyard.yard.home import YardFolder, yard_folder
from drillyard.yard.keys import Keys
from drillyard.yard.lifecycle import UpOptions
from drillyard.yard.readiness import wait_until_ready
from drillyard.yard.requests_seen import INVESTIGATOR
from drillyard.yard.service_accounts import ServiceAccountTokens
from drillyard.yard.state import YardLock, YardState
from drillyard.yard.telemetry_process import TelemetryProcess

_log = logging.getLogger(__name__)
_NODE = "drillyard-worker"
_PODS_MAX = 230  # Of the 254 addresses of a node.
_ORDER = {"Namespace": 0, "Deployment": 2, "DaemonSet": 2}
_READY_MAX_S = 75.0

Progress = Callable[[dict[str, Any]], None]


class ControlPlane:
    """The parts of one yard. `start` puts them together, `stop` takes them apart in the reverse order."""

    def __init__(self, folder: YardFolder, options: UpOptions, progress: Progress) -> None:
        self._folder, self._options, self._progress = folder, options, progress
        self._clock = SystemClock()
        self._stops: list[Callable[[], Awaitable[None]]] = []

    async def start(self) -> YardState:
        """Everything, until every pod is Ready. Raises DrillyardError; then `stop` still has to be called."""
        folder, keys = self._folder, Keys.fresh()
        self._say("the processes' common parent and the API server")
        images.offer_tools(folder.path / "tools")
        spawner = Spawner(preload=images.PRELOAD)
        self._stops.append(spawner.stop)
        forking = asyncio.ensure_future(spawner.start())
        preparing = asyncio.ensure_future(templates.ensure(folder.home / "cache", progress=self._say))
        try:
            api_server, url, ca_pem = await self._start_api_server(keys)
            await forking
            self._note_processes(spawner)
            telemetry = await self._start_telemetry(spawner, keys)
            network = await self._start_network(api_server, spawner)
            templates_folder = await preparing
        finally:
            for task in (forking, preparing):
                if not task.done():
                    task.cancel()
        kubelet = await self._start_node(api_server, spawner, network, templates_folder, ca_pem.decode())
        self._background(run_controllers(api_server.api("controllers"), self._clock, ca_pem=ca_pem.decode()))
        api = api_server.api("drill")
        await self._apply(api, keys, telemetry.address)
        self._say("the pods")
        await wait_until_ready(api, self._options, self._say, _READY_MAX_S)
        await network.settle()
        self._background(templates.refill_later(templates_folder))
        control = ControlServer(network, kubelet, keys.control_token)
        self._stops.append(control.stop)
        await control.start()
        if self._options.healer:
            self._background(dead_man.watch(self._folder, self._options.healer, spawner, self._clock))
        return self._state(keys, url, network, telemetry, control)

    async def stop(self) -> None:
        """Ends everything that was started. A part that does not end in order is killed with the zygote."""
        for stop in reversed(self._stops):
            try:
                await asyncio.wait_for(stop(), timeout=10)
            except Exception:
                _log.exception("a part did not stop in order")

    async def _start_api_server(self, keys: Keys) -> tuple[ApiServer, str, bytes]:
        certificate = certificates.make(self._folder.path)
        self._telemetry_pem = certificate.telemetry_pem
        users = {
            self._folder.kubeconfig: (keys.admin_token, User("kubernetes-admin", (MASTERS,))),
            self._folder.investigator_kubeconfig: (keys.investigator_token, User(INVESTIGATOR, ("investigators",))),
        }
        api_server = ApiServer(
            tokens=dict(users.values()),
            ssl_context=certificate.server,
            clock=self._clock,
            audit_log=self._folder.audit_log,
        )
        port = await api_server.start("127.0.0.1", 0)
        self._stops.append(api_server.stop)
        url = f"https://127.0.0.1:{port}"
        for path, (token, user) in users.items():
            kubeconfig.write(
                path,
                server=url,
                ca_pem=certificate.ca_pem,
                token=token,
                user=user.name,
                name=f"drillyard-{self._folder.name}",
            )
        self._api_port = port
        return api_server, url, certificate.ca_pem

    async def _start_telemetry(self, spawner: Spawner, keys: Keys) -> TelemetryProcess:
        folder = self._folder.path / "telemetry"
        telemetry = TelemetryProcess(spawner, folder, keys, self._telemetry_pem)
        self._stops.append(telemetry.stop)
        await telemetry.start()
        self._background(telemetry.keep_alive())
        return telemetry

    async def _start_network(self, api_server: ApiServer, spawner: Spawner) -> ServiceNetwork:
        claimed = port_range.claim(self._folder.name)

        async def release() -> None:
            claimed.release()

        self._stops.append(release)
        network = ServiceNetwork(
            api_server.api("network"),
            spawner,
            folder=self._folder.path / "network",
            ports=claimed.ports,
            more_ports=claimed.another,
            api_server_port=self._api_port,
            host_ports={PAGE_SERVICE: PAGE_PORT},
        )
        self._stops.append(network.stop)
        await network.start()
        return network

    async def _start_node(
        self, api_server: ApiServer, spawner: Spawner, network: ServiceNetwork, templates_folder: Path, ca_pem: str
    ) -> Kubelet:
        kubelet = Kubelet(
            api_server.api("kubelet"),
            spawner,
            network,
            images.catalogue(templates_folder),
            NodeSettings(folder=self._folder.path / "node", name=_NODE, ca_certificate=ca_pem, pods_max=_PODS_MAX),
            clock=self._clock,
            tokens=ServiceAccountTokens(api_server.tokens),
        )
        self._stops.append(kubelet.stop)
        await kubelet.start()
        api_server.join(kubelet)
        return kubelet

    def _background(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)

        async def end() -> None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

        self._stops.append(end)

    async def _apply(self, api: Api, keys: Keys, telemetry: str) -> None:
        self._say("the manifests")
        objects = [
            *manifests.load(
                without=self._options.elsewhere,
                settings=self._settings(),
                labelled=self._options.service_tags == "label",
            ),
            *keys.objects(telemetry),
        ]
        # A pod that comes before its Secret or its Service would have to wait for the next look.
        for obj in sorted(objects, key=lambda obj: _ORDER.get(obj["kind"], 1)):
            await _create(api, obj)

    def _settings(self) -> dict[str, dict[str, str]]:
        settings = {name: dict(values) for name, values in self._options.settings.items()}
        if self._options.broker:
            for service in ("shipping", "queue-master"):
                settings.setdefault(service, {}).setdefault("AMQP_URL", self._options.broker)
        return settings

    def _state(
        self, keys: Keys, url: str, network: ServiceNetwork, telemetry: TelemetryProcess, control: ControlServer
    ) -> YardState:
        addresses = services(network.addresses(), telemetry.addresses(), without=self._options.elsewhere)
        broker = self._options.broker or f"amqp://guest:guest@{addresses['rabbitmq']}/"
        management = self._options.broker_management or f"http://guest:guest@{addresses['rabbitmq-management']}"
        page = addresses["front-end"]
        warnings = [] if page.endswith(f":{PAGE_PORT}") else [f"port {PAGE_PORT} is taken; the page is on {page}"]
        return YardState(
            name=self._folder.name,
            control_plane=identify(os.getpid()),
            created_at=rfc3339(datetime.now(UTC)),
            api_server=url,
            services=addresses,
            api_key=keys.api_key,
            app_key=keys.app_key,
            bank_key=keys.bank_key,
            bank_admin_key=keys.bank_admin_key,
            control_url=control.url,
            control_token=keys.control_token,
            amqp_url=broker,
            management_url=management,
            page_url=f"http://{page}",
            warnings=tuple(warnings),
        )

    def _note_processes(self, spawner: Spawner) -> None:
        """What the next start has to end, should this process be killed on a system without PDEATHSIG."""
        known = [identify(pid) for pid in (spawner.pid,) if pid]
        write_atomically(self._folder.path / "processes.json", json.dumps([asdict(one) for one in known]))

    def _say(self, text: str) -> None:
        self._progress({"step": text})


async def _create(api: Api, obj: dict[str, Any]) -> None:
    group, _, _ = obj["apiVersion"].rpartition("/")
    resource = resources.of_kind(group, obj["kind"])
    assert resource is not None, f"the manifests hold a {obj['kind']}, which this cluster does not serve"
    await api.create(resource.plural, obj["metadata"].get("namespace"), obj)


async def serve(folder: YardFolder, options: UpOptions, progress: Progress) -> int:
    """Starts, reports, waits for SIGTERM, stops. Returns the exit code."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    control_plane = ControlPlane(folder, options, progress)
    starting = asyncio.ensure_future(control_plane.start())
    waiting = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((starting, waiting), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            return 1
        state = starting.result()
        state.write(folder)
        progress({"ready": True})
        await waiting
        return 0
    except DrillyardError as problem:
        progress({"failed": problem.message, "hint": problem.hint})
        return 1
    except OSError as problem:
        if problem.errno != errno.ENOSPC:
            raise
        progress({"failed": f"The disk is full ({folder.home}).", "hint": "Free some space, or set DRILLYARD_HOME."})
        return 1
    finally:
        await control_plane.stop()


def main() -> int:
    """The process's entry."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)sZ %(levelname)s %(name)s: %(message)s")
    logging.Formatter.converter = lambda *args: datetime.now(UTC).timetuple()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    name, pipe, options = sys.argv[1], int(sys.argv[2]), UpOptions(**json.loads(sys.argv[4]))
    folder = yard_folder(name)
    lock = YardLock(folder)
    lock.adopt(int(sys.argv[3]))
    os.set_inheritable(pipe, False)
    os.umask(0o077)

    def progress(message: dict[str, Any]) -> None:
        try:
            os.write(pipe, json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            # Whoever waits was killed: nobody would know of this yard.
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        return asyncio.run(serve(folder, options, progress))
    finally:
        lock.release()


if __name__ == "__main__":
    sys.exit(main())
