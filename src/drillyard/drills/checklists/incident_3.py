"""
Incident 3: its pre-incident checklist, its expected outcomes, and its seven entries of troubleshooting.
"""

from __future__ import annotations

from drillyard.drills.checklists import cluster_looks, order_looks, telemetry_looks
from drillyard.drills.checklists.entry import PLACE_AN_ORDER, Entry

_KUBECTL = "kubectl -n sock-shop"
_ORDERS = "kube_namespace:sock-shop service:sock-shop-orders"
_ALL_READY = Entry(
    claim="Every pod of the shop is Running and ready",
    look=cluster_looks.every_pod_is_ready,
    next=f"{_KUBECTL} get pods",
)
_PAYMENT_RUNS = Entry(
    claim="Payment runs with one ready pod",
    look=cluster_looks.is_scaled_to("payment", 1),
    next=f"{_KUBECTL} scale deployment payment --replicas=1",
)
_ORDER = Entry(
    claim="An order goes from the cart to SHIPPED",
    look=order_looks.an_order_goes_all_the_way,
    next=f"{_KUBECTL} logs deployment/orders --tail=20",
)
_LIST = f"{_KUBECTL} exec -it deployment/front-end -- curl -s http://orders:80/orders"

BEFORE = (
    _ALL_READY,
    _PAYMENT_RUNS,
    Entry(
        claim="The page opens",
        look=cluster_looks.the_page_opens,
        next=f"{_KUBECTL} logs deployment/front-end --tail=20",
    ),
    _ORDER,
    Entry(claim="The orders can be counted", look=order_looks.orders_can_be_listed, next=_LIST),
    Entry(
        claim="Datadog collects logs: a line that a pod writes is found by a search",
        look=telemetry_looks.a_line_is_found_again,
        next="kubectl -n datadog exec ds/datadog-agent -c agent -- agent status",
    ),
)

DURING = (
    Entry(
        claim="Payment is scaled to 0",
        look=cluster_looks.is_scaled_to("payment", 0),
        next=f"{_KUBECTL} scale deployment payment --replicas=0",
    ),
    Entry(
        claim="Orders fail with “Payment service unavailable”",
        look=telemetry_looks.is_found(f'{_ORDERS} "Payment service unavailable"'),
        next=PLACE_AN_ORDER,
    ),
    Entry(
        claim="Failed orders are stored as PAYMENT_FAILED",
        look=order_looks.failed_orders_are_stored,
        next=PLACE_AN_ORDER,
    ),
    Entry(
        claim="The logs show the refused connections",
        look=telemetry_looks.is_found(f'{_ORDERS} "Connection refused"'),
        next=PLACE_AN_ORDER,
    ),
    Entry(
        claim="Customers are shown the payment error",
        look=telemetry_looks.is_found(
            'kube_namespace:sock-shop service:sock-shop-front-end "Order response" "Payment service unavailable"'
        ),
        next=PLACE_AN_ORDER,
    ),
    Entry(
        claim="No order succeeds",
        look=order_looks.no_order_succeeded_without_payment,
        next=PLACE_AN_ORDER,
    ),
)

AFTER = (
    _PAYMENT_RUNS,
    Entry(
        claim="Payment's health check passes",
        look=cluster_looks.payment_says_that_it_is_well,
        next=f"{_KUBECTL} run test-payment-health --rm -it --image=curlimages/curl --restart=Never "
        "-- curl -s http://payment:80/health",
    ),
    _ORDER,
    Entry(
        claim="The logs show authorised payments",
        look=telemetry_looks.is_found(f'{_ORDERS} "PaymentResponse{{authorised=true"'),
        next=PLACE_AN_ORDER,
    ),
    Entry(
        claim="Failed orders are identified: each one in the logs is stored",
        look=order_looks.failed_payments_in_the_logs_are_stored,
        next=_LIST,
    ),
    Entry(
        claim="Failed orders are reconciled: the bank holds no money for any of them",
        look=order_looks.failed_orders_are_reconciled,
        next="drill reconcile",
    ),
)

TROUBLESHOOTING = (
    Entry(
        claim="Issue 1: the pages show the stored status, not a fixed “Shipped”",
        look=cluster_looks.the_pages_show_the_stored_status,
        next=f"{_KUBECTL} set env deployment/front-end ORDER_PAGES-",
    ),
    Entry(
        claim="Issue 2: a new ERROR line has the status error",
        look=telemetry_looks.errors_are_known_as_errors,
        next="drill pipelines install",
    ),
    Entry(
        claim="Issue 3: no order succeeds while payment is scaled to 0",
        look=order_looks.no_order_succeeded_without_payment,
        next=f"{_KUBECTL} get pods -l name=payment",
    ),
    Entry(
        claim="Issue 4: the orders can be listed (from the front-end pod: the orders pod has no curl)",
        look=order_looks.orders_can_be_listed,
        next=_LIST,
    ),
    Entry(
        claim="Issue 5: every failed order of the logs is in the database",
        look=order_looks.failed_payments_in_the_logs_are_stored,
        next=f'{_KUBECTL} logs deployment/orders | grep "Order created with ID"',
    ),
    Entry(
        claim="Issue 6: payment starts, with one ready pod",
        look=cluster_looks.is_scaled_to("payment", 1),
        next=f"{_KUBECTL} describe pod -l name=payment",
    ),
    Entry(
        claim="Issue 7: logs of orders are found under service:sock-shop-orders",
        look=telemetry_looks.orders_has_its_images_name,
        next="drill check logging",
    ),
)
