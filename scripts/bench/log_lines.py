"""
Log lines in the shop's own formats, as the agent posts them: 14 pods, one order in a hundred fails with an ERROR and a
WARN line.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

SPACE_MS = 3_600_000
NOW_MS = 1_800_000_000_000
ORDER = "00c0ffee00c0ffee00c0ffee"


def lines(count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Posts as the agent makes them: 14 pods, one order in a hundred fails with an ERROR and a WARN line."""
    choice = random.Random(seed)
    step_ms = SPACE_MS / max(count, 1)
    for number in range(count):
        order, trace = f"{choice.getrandbits(96):024x}", f"{choice.getrandbits(64):016x}"
        service, text, status = _line(choice, order, trace, number)
        at_ms = NOW_MS - SPACE_MS + int(number * step_ms)
        yield {
            "message": text,
            "status": status,
            "timestamp": at_ms,
            "hostname": "sockshop-kind-control-plane",
            "service": f"sock-shop-{service}",
            "ddsource": f"sock-shop-{service}",
            "ddtags": _tags(service),
        }


def _line(choice: random.Random, order: str, trace: str, number: int) -> tuple[str, str, str]:
    """Service, text and status of one line."""

    def spring(service: str, level: str, logger: str, text: str) -> str:
        head = (
            f"2025-10-28 10:04:45.548 {level:>5} [{service},{trace},{trace},false] 1 --- [p-nio-80-exec-{number % 10}]"
        )
        return f"{head} {logger:40} : {text}"

    kind = choice.random()
    if kind < 0.30:
        when, took_ms = "28/Oct/2025:10:04:45 +0000", choice.random() * 20
        request = f"GET /catalogue/{order[:8]} HTTP/1.1"
        return "front-end", f'::ffff:10.244.0.{number % 20} - - [{when}] "{request}" 200 {took_ms:.3f}', "info"
    if kind < 0.60:
        service, method = ("catalogue", "List") if kind < 0.50 else ("payment", "Authorise")
        text = f"caller=logging.go:36 ts=2025-10-28T10:04:45Z method={method} result=9 err=null took={number % 900}us"
        return service, text, "info"
    if kind < 0.80:
        logger = "w.w.s.o.controllers.OrdersController"
        if kind < 0.61:
            return (
                "orders",
                spring("orders", "ERROR", logger, f"Payment failed for order {order}: Connection refused"),
                "error",
            )
        if kind < 0.62:
            return (
                "orders",
                spring("orders", "WARN", logger, f"Order {order}: PAYMENT_FAILED: Connection refused"),
                "error",
            )
        order = ORDER if number % 1_000 == 7 else order
        return "orders", spring("orders", "INFO", logger, f"Order created with ID: {order} and status: CREATED"), "info"
    if kind < 0.90:
        text = spring("shipping", "INFO", "w.w.s.s.controllers.ShippingController", f"Publishing shipment {order}")
        return "shipping", text, "info"
    return "queue-master", f"Received shipment task {order} trace={trace}", "info"


def _tags(service: str) -> str:
    image, replica_set = f"quay.io/powercloud/sock-shop-{service}", f"{service}-856978bb7b"
    tags = {
        "kube_namespace": "sock-shop",
        "kube_deployment": service,
        "pod_name": f"{replica_set}-x2km9",
        "kube_container_name": service,
        "container_name": service,
        "container_id": f"{service}0123456789",
        "image_name": image,
        "image_tag": "0.4.7",
        "short_image": f"sock-shop-{service}",
        "kube_node": "node",
        "kube_cluster_name": "sockshop-kind",
        "kube_replica_set": replica_set,
        "kube_qos": "burstable",
        "pod_phase": "running",
    }
    return ",".join(f"{name}:{value}" for name, value in tags.items())
