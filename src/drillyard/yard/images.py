"""
The image catalogue: which local program each image name stands for. Data that the kubelet is given.

Locust is an image of the yard where `drillyard[locust]` is installed; elsewhere pulling it fails, and says so.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from drillyard.cluster.kubelet.images import TOOLS, Image
from drillyard.yard.container_tools import locust, scripts
from drillyard.yard.stores import client_tools

SERVICES = ("front-end", "catalogue", "carts", "orders", "user", "payment", "shipping", "queue-master")

# As its own entrypoint.sh: both `-- curl -v URL` and `-- -v URL` are asked of curl.
_CURL = (
    "sh",
    "-c",
    'case "$1" in -*) ;; *) if command -v "$1" >/dev/null; then exec "$@"; fi ;; esac; exec curl "$@"',
    "entrypoint.sh",
)

# Imported once by the zygote, before any pod is forked from it: what the pods share costs memory and time only once.
PRELOAD = (
    "drillyard.base.podnet",
    *(f"drillyard.shop.{service.replace('-', '_')}" for service in SERVICES),
    "drillyard.shop.gateway",
    "drillyard.bank.server",
    "drillyard.broker.server",
    "drillyard.broker.exporter",
    "drillyard.telemetry.server",
    "drillyard.telemetry.agent.main",
    "drillyard.yard.stores.postgres",
    "drillyard.yard.stores.valkey",
)


def offer_tools(folder: Path) -> None:
    """
    Puts our own tools for containers into a folder in front of this process's PATH:

    the kubelet finds tools there.
    """
    client_tools.write_scripts(folder)
    scripts.write(folder)
    os.environ["PATH"] = os.pathsep.join((str(folder), os.environ.get("PATH", os.defpath)))


def catalogue(templates: Path) -> list[Image]:
    """Every image of the yard. `templates` is the folder of ready-made PostgreSQL data directories."""
    services = [
        Image(
            f"drillyard/sock-shop-{service}",
            entry=f"drillyard.shop.{service.replace('-', '_')}:main",
            # As in the originals: curl is in the front-end's image, and in no other service's.
            tools=(*TOOLS, "curl") if service == "front-end" else TOOLS,
        )
        for service in SERVICES
    ]
    return [
        *services,
        Image(
            "postgres",
            entry="drillyard.yard.stores.postgres:main",
            env={"TEMPLATES": str(templates)},
            tools=(*TOOLS, *client_tools.NAMES),
        ),
        Image("valkey/valkey", entry="drillyard.yard.stores.valkey:main"),
        Image("drillyard/drillyard-broker", entry="drillyard.broker.server:main", tools=(*TOOLS, "curl")),
        Image("drillyard/rabbitmq-exporter", entry="drillyard.broker.exporter:main"),
        # Of deploy/ only, on a node of ours: the yard's databases come with their tables.
        Image("drillyard/sock-shop-migrate", command=(sys.executable, "-m", "drillyard.shop.migrate")),
        Image("drillyard/bank", entry="drillyard.bank.server:main"),
        Image("drillyard/datadog-agent", entry="drillyard.telemetry.agent.main:main"),
        Image("curlimages/curl", command=_CURL, tools=(*TOOLS, "curl")),
        Image("busybox", command=("sh",)),
        Image(
            locust.IMAGE,
            command=("locust",),
            tools=(*TOOLS, "locust"),
            absent="" if locust.is_installed() else locust.ABSENT,
        ),
    ]
