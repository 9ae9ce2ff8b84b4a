"""An empty result says what is wrong: the value and its neighbours, the field, the window, the status."""

from __future__ import annotations

import pytest

from drillyard.telemetry.logs.query import parse
from drillyard.yard.empty_result import QUESTIONS_MAX, explain, explain_metric
from drillyard.yard.empty_result.nearest import nearest
from drillyard.yard.empty_result.terms import readable

SPRING = "2025-10-28 10:04:45.548 ERROR [orders,,,] 1 --- [main] w.w.s.o.OrdersController : Payment failed"


@pytest.fixture
def shop(datadog):
    datadog.say("sock-shop-orders", SPRING, ago_s=60, kube_namespace="sock-shop")
    datadog.say("sock-shop-shipping", "Published shipment", ago_s=50, kube_namespace="sock-shop")
    datadog.say("sock-shop-payment", "ts=1 method=Health", status="error", ago_s=40, kube_namespace="sock-shop")
    return datadog


async def why(datadog, query, start="now-15m", end="now") -> str:
    return "\n".join(await explain(datadog, query, start, end))


async def test_an_unknown_service_is_named_with_the_known_one_that_holds_it(shop) -> None:
    said = await why(shop, 'kube_namespace:sock-shop service:shipping "Published"')

    assert "No log in this window has service:shipping; there is sock-shop-shipping." in said
    assert "kube_namespace" not in said


async def test_each_unknown_alternative_is_named(shop) -> None:
    said = await why(shop, "service:(shiping OR paymnet)")

    assert "service:shiping; there is sock-shop-shipping." in said
    assert "service:paymnet; there is sock-shop-payment." in said


async def test_a_value_near_to_nothing_gets_the_list_of_what_there_is(shop) -> None:
    said = await why(shop, "service:zebra")

    assert "service is sock-shop-orders, sock-shop-payment, sock-shop-shipping." in said


async def test_a_misspelt_field_is_named_with_the_nearest_ones(shop) -> None:
    assert "did you mean kube_namespace?" in await why(shop, "kube_namspace:sock-shop")


async def test_an_attribute_that_no_pipeline_made_is_explained(shop) -> None:
    assert "drill pipelines install" in await why(shop, "@level:ERROR")


async def test_a_phrase_that_nobody_wrote_is_the_guilty_term(shop) -> None:
    said = await why(shop, 'service:sock-shop-orders "Payment faild"')

    assert 'No log in this window has "payment faild".' in said


async def test_a_status_that_no_pipeline_read_is_explained(shop) -> None:
    said = await why(shop, "service:sock-shop-orders status:error")

    assert "Without status:error there would be 1 log(s)" in said
    assert "Spring lines are all info until a pipeline reads their level" in said


async def test_a_status_that_no_log_has_lists_those_there_are(shop) -> None:
    assert "No log in this window has status:warn; there are info, error." in await why(shop, "status:warn")


async def test_an_exclusion_of_everything_is_said(shop) -> None:
    assert "left out by -kube_namespace:sock-shop" in await why(shop, "-kube_namespace:sock-shop")


async def test_logs_outside_the_window_are_pointed_to(shop) -> None:
    shop.say("sock-shop-carts", "old", ago_s=7200)

    said = await why(shop, "service:sock-shop-carts")

    assert "Outside this window 1 log(s) fit, the newest at 2025-10-28T08:04:42.603Z" in said


async def test_a_window_without_any_log_is_said_before_any_term_is_blamed(shop) -> None:
    said = await why(shop, "service:shipping", "now-10s")

    assert said.startswith("There is no log at all from now-10s to now.")
    assert "shipping" not in said


async def test_a_long_query_asks_a_bounded_number_of_questions(shop) -> None:
    query = " ".join(f"service:(a{n} OR b{n} OR c{n} OR d{n} OR e{n})" for n in range(40))

    assert await explain(shop, query, "now-15m", "now")
    assert shop.asked <= QUESTIONS_MAX + 5


@pytest.mark.parametrize(
    "query",
    [
        "service:a -status:info",
        'service:sock-shop-orders "payment failed"',
        "(a OR b) @http.status_code:500",
        "pod_name:payment*",
        "*:refused",
        'service:"two words"',
    ],
)
def test_a_query_is_shown_as_it_would_be_typed_and_means_the_same(query: str) -> None:
    assert parse(readable(parse(query))) == parse(query)


def test_nothing_is_near_to_a_word_without_likeness() -> None:
    assert nearest("zebra", ["payment", "orders"]) == []
    assert nearest("*", ["payment", "orders"]) == []


async def test_an_unknown_metric_is_named_with_the_nearest(datadog) -> None:
    datadog.names = ["rabbitmq.queue.messages", "rabbitmq.queue.consumers"]

    said = await explain_metric(datadog, "avg:rabbitmq.queue.message{*}", datadog.clock.now())

    assert said[0].startswith("Nobody reported rabbitmq.queue.message in this window; there is rabbitmq.queue.messages")


async def test_an_unknown_tag_of_a_known_metric_lists_its_values(datadog) -> None:
    datadog.names = ["rabbitmq.queue.messages"]
    datadog.tags = {"rabbitmq.queue.messages": ["rabbitmq_queue:shipping-task"]}

    said = await explain_metric(datadog, "avg:rabbitmq.queue.messages{rabbitmq_queue:shipping}", datadog.clock.now())

    assert said == ["rabbitmq.queue.messages has no rabbitmq_queue:shipping; rabbitmq_queue is shipping-task."]
