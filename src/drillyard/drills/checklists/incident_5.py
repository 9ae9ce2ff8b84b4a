"""
Incident 5: its pre-incident checklist and its success criteria.
"""

from __future__ import annotations

from drillyard.drills.checklists import cluster_looks, order_looks, telemetry_looks
from drillyard.drills.checklists.entry import PLACE_AN_ORDER, Entry

_KUBECTL = "kubectl -n sock-shop"
_QUEUE_MASTER = "kube_namespace:sock-shop service:sock-shop-queue-master"


def _runs(deployment: str, role: str) -> Entry:
    return Entry(
        claim=f"{deployment} runs ({role})",
        look=cluster_looks.is_scaled_to(deployment, 1),
        next=f"{_KUBECTL} scale deployment/{deployment} --replicas=1",
    )


BEFORE = (
    Entry(
        claim="All 14 pods are Running and ready",
        look=cluster_looks.every_pod_is_ready,
        next=f"{_KUBECTL} get pods",
    ),
    _runs("queue-master", "the consumer, which this incident breaks"),
    _runs("rabbitmq", "the message broker"),
    _runs("shipping", "the publisher"),
    Entry(
        claim="Logs flow to Datadog: a line that a pod writes is found by a search",
        look=telemetry_looks.a_line_is_found_again,
        next="kubectl -n datadog rollout restart daemonset/datadog-agent",
    ),
    Entry(
        claim="Queue-master consumes from shipping-task",
        look=order_looks.the_consumer_is_there,
        next=f"{_KUBECTL} logs deployment/queue-master --tail=20",
    ),
)

DURING = (
    Entry(
        claim="Queue-master is scaled to 0",
        look=cluster_looks.is_scaled_to("queue-master", 0),
        next=f"{_KUBECTL} scale deployment/queue-master --replicas=0",
    ),
    Entry(
        claim="Orders succeed all the same, and wait in the queue",
        look=order_looks.orders_succeed_without_being_shipped,
        next=PLACE_AN_ORDER,
    ),
    Entry(
        claim="Shipping goes on publishing",
        look=telemetry_looks.is_found('kube_namespace:sock-shop service:sock-shop-shipping "Published"'),
        next=PLACE_AN_ORDER,
    ),
    Entry(
        claim="Queue-master writes no logs",
        look=telemetry_looks.is_silent(_QUEUE_MASTER, "queue-master"),
        next=f"{_KUBECTL} get pods -l name=queue-master",
    ),
    Entry(
        claim="Datadog shows no container of queue-master",
        look=telemetry_looks.has_no_container("kube_namespace:sock-shop kube_deployment:queue-master"),
        next=f"{_KUBECTL} get pods -l name=queue-master",
    ),
)

AFTER = (
    _runs("queue-master", "one replica again"),
    Entry(
        claim="Its logs show that it processes messages",
        look=telemetry_looks.is_found(f'{_QUEUE_MASTER} "Message processed successfully"'),
        next=f"{_KUBECTL} logs deployment/queue-master --tail=50",
    ),
    Entry(
        claim="The backlog is processed: nothing waits, and every paid order is SHIPPED",
        look=order_looks.the_backlog_is_processed,
        next=f"{_KUBECTL} logs deployment/queue-master --tail=50",
    ),
)
