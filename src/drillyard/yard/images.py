"""
The image catalogue: which local program each image name stands for. Data that the kubelet is given.
"""

from __future__ import annotations

from pathlib import Path

from drillyard.cluster.kubelet.images import Image

SERVICES = ("front-end", "catalogue", "carts", "orders", "user", "payment", "shipping", "queue-master")

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


def catalogue(templates: Path) -> list[Image]:
    """Every image of the yard. `templates` is the folder of ready-made PostgreSQL data directories."""
    services = [
        Image(f"drillyard/sock-shop-{service}", entry=f"drillyard.shop.{service.replace('-', '_')}:main")
        for service in SERVICES
    ]
    return [
        *services,
        Image("postgres", entry="drillyard.yard.stores.postgres:main", env={"TEMPLATES": str(templates)}),
        Image("valkey/valkey", entry="drillyard.yard.stores.valkey:main"),
        Image("drillyard/drillyard-broker", entry="drillyard.broker.server:main"),
        Image("drillyard/rabbitmq-exporter", entry="drillyard.broker.exporter:main"),
        Image("drillyard/bank", entry="drillyard.bank.server:main"),
        Image("drillyard/datadog-agent", entry="drillyard.telemetry.agent.main:main"),
    ]
