"""
Our node in a cluster elsewhere: runs the pods that are bound to it as processes of this machine.

    python -m drillyard.yard.joined_node --kubeconfig FILE --name NODE --address ADDRESS --client-ca FILE

The API server there does not notice that the kubelet and the service network are ours. Runs until SIGTERM, and then
ends every pod's processes; the Node and the pods' objects stay, as when a machine is switched off.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import signal
import ssl
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import trustme

from drillyard.base.clock import SystemClock
from drillyard.base.errors import DrillyardError
from drillyard.base.spawner import Spawner
from drillyard.cluster.kubelet.kubelet import Kubelet
from drillyard.cluster.kubelet.requested_tokens import RequestedTokens
from drillyard.cluster.kubelet.settings import NodeSettings
from drillyard.cluster.network.service_network import ServiceNetwork
from drillyard.cluster.node_api import NodeApi
from drillyard.yard import images, kubeconfig_context, port_range, templates
from drillyard.yard.home import home

_log = logging.getLogger(__name__)
_PODS_MAX = 230


async def run(wanted: argparse.Namespace, stopping: asyncio.Event) -> None:
    """Joins, and runs until `stopping` is set. Raises DrillyardError when it cannot join."""
    clock, folder = SystemClock(), home() / "nodes" / wanted.name
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        # First what a person may have got wrong: it is said before anything is started.
        paths = kubeconfig_context.paths_of(wanted.kubeconfig)
        api = kubeconfig_context.connect(paths, wanted.context)
        stack.push_async_callback(api.close)
        network_api = kubeconfig_context.connect(paths, wanted.network_context or wanted.context)
        stack.push_async_callback(network_api.close)
        ssl_context = _context(wanted.address, wanted.client_ca)
        images.offer_tools(folder / "tools")
        spawner = await stack.enter_async_context(Spawner(preload=images.PRELOAD))
        templates_folder = await templates.ensure(home() / "cache")
        claimed = port_range.claim(wanted.name)
        stack.callback(claimed.release)
        network = ServiceNetwork(
            network_api, spawner, folder=folder / "network", ports=claimed.ports, more_ports=claimed.another
        )
        stack.push_async_callback(network.stop)
        await network.start()
        settings = NodeSettings(
            folder=folder / "node",
            name=wanted.name,
            address=wanted.address,
            port=wanted.port,
            roles=(),
            pods_max=_PODS_MAX,
        )
        tokens = RequestedTokens(api, clock)
        kubelet = Kubelet(
            api, spawner, network, images.catalogue(templates_folder), settings, clock=clock, tokens=tokens
        )
        node_api = NodeApi(kubelet, ssl_context)
        stack.push_async_callback(node_api.stop)
        await node_api.start(wanted.address, wanted.port)
        await stack.enter_async_context(kubelet)
        _log.info("node %s has joined", wanted.name)
        await stopping.wait()


def _context(address: str, client_ca: Path) -> ssl.SSLContext:
    """A certificate of its own, as a kubelet makes one; who calls must show one of that CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert(address).configure_cert(context)
    try:
        context.load_verify_locations(client_ca)
    except (OSError, ssl.SSLError) as unusable:
        raise DrillyardError(f"The CA certificate {client_ca} cannot be used: {unusable}.") from unusable
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m drillyard.yard.joined_node", description="Join a cluster elsewhere as a node."
    )
    parser.add_argument("--kubeconfig", default="", help="file with the contexts (default: as kubectl)")
    parser.add_argument("--context", default="", help="with the rights of a node (default: the current one)")
    parser.add_argument("--network-context", default="", help="with the rights of kube-proxy (default: the same)")
    parser.add_argument("--name", required=True, help="name of the Node; the NAME of its user system:node:NAME")
    parser.add_argument("--address", required=True, help="address of this machine at which the API server reaches it")
    parser.add_argument("--port", type=int, default=10250, help="port for logs, exec and port-forward (default 10250)")
    parser.add_argument(
        "--client-ca", type=Path, required=True, help="CA of the certificate that the API server shows a kubelet"
    )
    return parser.parse_args()


async def _main(wanted: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await run(wanted, stopping)


def main() -> int:
    """0 after SIGTERM, 1 when it could not join."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    wanted = _arguments()
    os.umask(0o077)
    try:
        asyncio.run(_main(wanted))
    except (DrillyardError, OSError, TimeoutError) as problem:
        sys.stderr.write(f"{problem or 'The API server did not take the node in time.'}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
