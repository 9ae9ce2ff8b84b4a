"""PromQL on known points, and its HTTP API."""

from __future__ import annotations

import base64
import math

import pytest

from drillyard.telemetry.metrics.store import MetricStore, Point
from drillyard.telemetry.prometheus.evaluate import Evaluation
from drillyard.telemetry.prometheus.source import Source
from drillyard.telemetry.prometheus.values import NAME, PromqlError

pytest.importorskip("promql_parser", reason="promql-parser is not installed")

AT_S = 1_000_000_000


def points(metric, tags, values, step_s=60):
    """The last value lies at AT_S, the others a step apart before it."""
    start_s = AT_S - step_s * (len(values) - 1)
    return [Point(metric, tuple(tags), start_s + step_s * number, value) for number, value in enumerate(values)]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    store = MetricStore(tmp_path_factory.mktemp("metrics") / "metrics.db")
    store.add(points("requests", ["job:a", "code:200"], [0, 60, 120, 180, 240, 300]))
    store.add(points("requests", ["job:a", "code:500"], [0, 30, 60, 10, 40, 70]))
    store.add(points("requests", ["job:b", "code:200"], [5, 5, 5, 5, 5, 5]))
    store.add(points("limit", ["job:a"], [1000]))
    store.add([Point("old", (), AT_S - 400, 1.0)])
    for bound, count in (("0.1", 50), ("0.5", 90), ("1", 100), ("+inf", 100)):
        store.add(points("took_bucket", [f"le:{bound}"], [count]))
    store.add(
        points(
            "kubernetes_state.deployment.replicas_available",
            ["kube_namespace:sock-shop", "kube_deployment:payment"],
            [1, 0],
        )
    )
    yield Source(store)
    store.close()


def ask(source, query, at_s=AT_S):
    value = Evaluation(query, source, at_s, at_s).at(at_s)
    if not isinstance(value, list):
        return value
    return {
        ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()) if k != NAME): round(sample.value, 6)
        for sample in value
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("1 + 2 * 3 ^ 2", 19.0),
        ("-2 ^ 2", -4.0),
        ("7 % 4 == bool 3", 1.0),
        ("1 / 0", math.inf),
        ('requests{job="b"}', {"code=200,job=b": 5}),
        ('requests{job=~"a|c", code!="200"}', {"code=500,job=a": 70}),
        ('limit{job=~"(a|b)[*+)*]?.*"}', {"job=a": 1000}),
        ('{__name__=~"lim.*"}', {"job=a": 1000}),
        ("old", {}),  # Its last point is more than five minutes old.
        ("old offset 2m", {"": 1}),
        ('requests{code="200",job="a"} offset 1m', {"code=200,job=a": 240}),
        (f'requests{{code="200",job="a"}} @ {AT_S - 120}', {"code=200,job=a": 180}),
        ("sum(requests)", {"": 375}),
        ("sum by (job) (requests)", {"job=a": 370, "job=b": 5}),
        ("count without (code) (requests)", {"job=a": 2, "job=b": 1}),
        ("max(requests) - min(requests)", {"": 295}),
        ("topk(1, requests)", {"code=200,job=a": 300}),
        ("bottomk(1, requests)", {"code=200,job=b": 5}),
        ("quantile(0.5, requests)", {"": 70}),
        ('count_values("v", requests > 100)', {"v=300": 1}),
        ("rate(requests{code='200',job='a'}[5m])", {"code=200,job=a": 1.0}),
        ("increase(requests{code='200',job='a'}[5m])", {"code=200,job=a": 300}),
        # Five points in (−5m, 0]: 30, 60, 10, 40, 70 over 240 s with one reset: 40 + 60 = 100, stretched towards zero by 60 s.
        ("increase(requests{code='500'}[5m])", {"code=500,job=a": 125}),
        ("irate(requests{code='500'}[5m])", {"code=500,job=a": 0.5}),
        ("resets(requests{code='500'}[10m])", {"code=500,job=a": 1}),
        ("changes(requests{job='b'}[10m])", {"code=200,job=b": 0}),
        ("avg_over_time(requests{code='500'}[2m])", {"code=500,job=a": 55}),
        ("max_over_time(requests{code='500'}[10m])", {"code=500,job=a": 70}),
        ("delta(requests{code='200',job='a'}[2m])", {"code=200,job=a": 120}),
        ("deriv(requests{code='200',job='a'}[5m])", {"code=200,job=a": 1.0}),
        ("predict_linear(requests{code='200',job='a'}[5m], 60)", {"code=200,job=a": 360}),
        ("max_over_time(rate(requests{code='200',job='a'}[2m])[3m:1m])", {"code=200,job=a": 1.0}),
        ("requests > 100", {"code=200,job=a": 300}),
        ("requests{job='a'} == bool 300", {"code=200,job=a": 1, "code=500,job=a": 0}),
        ("sum by (job) (requests) / on(job) limit", {"job=a": 0.37}),
        ("requests / on(job) group_left limit", {"code=200,job=a": 0.3, "code=500,job=a": 0.07}),
        ("requests and on(job) limit", {"code=200,job=a": 300, "code=500,job=a": 70}),
        ("requests unless on(job) limit", {"code=200,job=b": 5}),
        ("limit or vector(1)", {"job=a": 1000, "": 1}),
        ("absent(nothing{a='b'})", {"a=b": 1}),
        ("absent(limit)", {}),
        ("scalar(limit) + 1", 1001.0),
        ("time()", float(AT_S)),
        ("timestamp(limit)", {"job=a": AT_S}),
        ("clamp_max(limit, 10)", {"job=a": 10}),
        ("round(limit / 300, 0.5)", {"job=a": 3.5}),
        ("year()", {"": 2001}),
        ('label_replace(limit, "x", "$1-y", "job", "(.*)")', {"job=a,x=a-y": 1000}),
        ('label_join(limit, "x", "/", "job", "job")', {"job=a,x=a/a": 1000}),
        ("histogram_quantile(0.7, took_bucket)", {"": 0.3}),
        ('kube_deployment_status_replicas_available{namespace="sock-shop",deployment=~"payment|x"} == 0', {"deployment=payment,namespace=sock-shop": 0}),
    ],
)  # fmt: skip
def test_an_expression_means_what_prometheus_says(source, query, expected):
    assert ask(source, query) == expected


@pytest.mark.parametrize(
    "query",
    ["", "sum(", "rate(limit)", "limit[", "requests / on(job) limit", "holt_winters(limit[5m], 0.1, 0.1)", 'label_replace(limit, "", "$1", "job", "(.*)")',
     '{__name__=~"("}', '{job=~"(a+)+b"}', '{job=~"a*a*a*a*a*b"}', "(" * 60 + "1" + ")" * 60, "limit + 'a'"],
)  # fmt: skip
def test_an_impossible_expression_is_refused(source, query):
    with pytest.raises(PromqlError):
        ask(source, query)


def test_a_range_query_has_a_value_at_each_step(source):
    (track,) = Evaluation("sum(requests{job='a'})", source, AT_S - 120, AT_S).over(60)
    assert list(zip(track.times, track.values, strict=True)) == [(AT_S - 120, 190), (AT_S - 60, 280), (AT_S, 370)]
    with pytest.raises(PromqlError, match="maximum resolution"):
        Evaluation("limit", source, 0, AT_S).over(1)


NOW_S = 1_762_372_800
API = "/prometheus/api/v1"


async def measured(client):
    point = {"timestamp": NOW_S - 10, "value": 7}
    tags = ["rabbitmq_queue:shipping-task", "rabbitmq_vhost:/"]
    series = {"metric": "rabbitmq.queue.messages", "type": 3, "points": [point], "tags": tags}
    await client.post("/api/v2/series", json={"series": [series]})


async def test_the_api_answers_as_prometheus_does(client):
    await measured(client)
    labels = {"__name__": "rabbitmq_queue_messages", "queue": "shipping-task", "vhost": "/"}
    one = await client.get(f"{API}/query", params={"query": "rabbitmq_queue_messages"})
    assert one.json() == {
        "status": "success",
        "data": {"resultType": "vector", "result": [{"metric": labels, "value": [NOW_S, "7"]}]},
    }
    span = {"query": "rabbitmq_queue_messages", "start": NOW_S - 60, "end": NOW_S, "step": "30s"}
    several = (await client.post(f"{API}/query_range", data=span)).json()["data"]
    assert several == {"resultType": "matrix", "result": [{"metric": labels, "values": [[NOW_S, "7"]]}]}
    assert (await client.get(f"{API}/series", params={"match[]": '{queue="shipping-task"}'})).json()["data"] == [labels]
    assert (await client.get(f"{API}/labels")).json()["data"] == ["__name__", "queue", "vhost"]
    assert (await client.get(f"{API}/label/queue/values")).json()["data"] == ["shipping-task"]


@pytest.mark.parametrize("query", ["sum(", "", "nothing_like(this)"])
async def test_an_error_has_prometheus_form(client, query):
    answer = await client.get(f"{API}/query", params={"query": query})
    assert answer.status_code == 400
    assert (answer.json()["status"], answer.json()["errorType"]) == ("error", "bad_data")


async def test_the_application_key_opens_prometheus_in_either_form(client):
    basic = base64.b64encode(b"anybody:app").decode()
    for value, status in ((f"Basic {basic}", 200), ("Bearer app", 200), ("Bearer api", 401), ("Basic ?", 401)):
        headers = {"Authorization": value, "DD-APPLICATION-KEY": "wrong"}
        assert (await client.get(f"{API}/labels", headers=headers)).status_code == status


async def test_the_server_says_what_it_is_and_has(client):
    """The shapes are those of Prometheus' "HTTP API" page; prometheus-api-client knocks at the root first."""
    await measured(client)
    assert (await client.get("/prometheus/", headers={"Authorization": "Bearer app"})).status_code == 200

    async def data(path, **params):
        answer = (await client.get(f"{API}/{path}", params=params)).json()
        assert answer["status"] == "success"
        return answer["data"]

    assert (await data("status/buildinfo"))["version"].startswith("3.")
    assert (await data("status/flags"))["query.lookback-delta"] == "5m"
    assert (await data("status/tsdb"))["seriesCountByMetricName"] == [{"name": "rabbitmq_queue_messages", "value": 1}]
    assert (await data("metadata", metric="rabbitmq_queue_messages"))["rabbitmq_queue_messages"][0]["help"]
    assert await data("metadata", metric="other") == {}
    assert await data("labels", limit="1") == ["__name__"]
    assert await data("query_exemplars", query="rabbitmq_queue_messages", start="0", end="1") == []
    assert await data("format_query", query="sum(rate(a[5m]))by(b)") == "sum by (b) (rate(a[5m]))"
    for path, part in (("rules", "groups"), ("alerts", "alerts"), ("targets", "activeTargets")):
        assert (await data(path))[part] == []
    wrong = await client.get(f"{API}/labels", params={"limit": "-1"})
    assert (wrong.status_code, wrong.json()["errorType"]) == (400, "bad_data")


async def test_a_moment_is_counted_in_milliseconds(client):
    answer = await client.get(f"{API}/query", params={"query": "time()", "time": "1762372800.4412498"})
    assert answer.json()["data"]["result"] == [1762372800.441, "1762372800.441"]
