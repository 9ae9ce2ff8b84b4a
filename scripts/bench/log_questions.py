"""
What an on-call asks of the logs: the documents' queries, and counts. Each is told once and put to every candidate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.log_lines import ORDER

NAMESPACE = {"kube_namespace": "sock-shop"}


@dataclass(frozen=True)
class Question:
    """
    `query` is Datadog's language; the other fields say the same in parts, for candidates that do not speak it.

    `phrases` are alternatives, words in lower case; `starts` and `ends` is what one word begins or ends with. `kind` is
    newest (50 lines), count, groups or minutes; `by` the fields of the groups.
    """

    name: str
    query: str
    equal: Mapping[str, str] = field(default_factory=dict)
    unequal: Mapping[str, str] = field(default_factory=dict)
    pod_starts: str = ""
    phrases: tuple[str, ...] = ()
    starts: str = ""
    ends: str = ""
    kind: str = "newest"
    by: tuple[str, ...] = ()


def _service(name: str) -> dict[str, str]:
    return {"service": f"sock-shop-{name}"}


FAILED = 'service:sock-shop-orders "Payment failed for order"'
FAILED_PHRASE = ("payment failed for order",)
DOCUMENTS = (
    Question("Incident 5: failed orders", FAILED, _service("orders"), phrases=FAILED_PHRASE),
    Question(
        "Incident 5: refused connections",
        'kube_namespace:sock-shop service:sock-shop-orders "Connection refused"',
        NAMESPACE | _service("orders"),
        phrases=("connection refused",),
    ),
    Question(
        "Incident 5: errors of a service",
        "kube_namespace:sock-shop service:sock-shop-orders status:error",
        NAMESPACE | _service("orders") | {"status": "error"},
    ),
    Question("Incident 3: published", "service:sock-shop-shipping Publish*", _service("shipping"), starts="publish"),
    Question(
        "Incident 3: either word",
        'kube_namespace:sock-shop service:sock-shop-queue-master ("Received" OR "shipment")',
        NAMESPACE | _service("queue-master"),
        phrases=("received", "shipment"),
    ),
    Question("one order", f"kube_namespace:sock-shop {ORDER}", NAMESPACE, phrases=(ORDER,)),
    Question("a namespace", "kube_namespace:sock-shop", NAMESPACE),
    Question("one service, not info", "service:sock-shop-orders -status:info", _service("orders"), {"status": "info"}),
    Question("pods by wildcard, not info", "pod_name:orders* -status:info", {}, {"status": "info"}, "orders"),
)
"""The newest 50 of each query of the documents, and of the ways they are narrowed."""
OTHERS = (
    Question("leading wildcard", "*fused", ends="fused"),
    Question("count of failed orders", FAILED, _service("orders"), phrases=FAILED_PHRASE, kind="count"),
    Question("count of a namespace", "kube_namespace:sock-shop", NAMESPACE, kind="count"),
    Question("count of a leading wildcard", "*fused", ends="fused", kind="count"),
    Question("count by service", "*", kind="groups", by=("service",)),
    Question("count by pod and status", "*", kind="groups", by=("pod_name", "status")),
    Question("failed orders by minute", FAILED, _service("orders"), phrases=FAILED_PHRASE, kind="minutes"),
    Question("all by minute and service", "*", kind="minutes", by=("service",)),
)
