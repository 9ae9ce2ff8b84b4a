"""Nothing that a client may send makes the server stumble: each answer is JSON, and none is a 5xx."""

from __future__ import annotations

import json
import random

import pytest

from drillyard.telemetry.api.app import build_app
from drillyard.telemetry.settings import Settings

ODD = [
    None, True, -1, 0, 1.5, 10**30, "", "x", "*", "now-1h", "a (", "\x00", "é" * 50, [], [1], [{}], {}, {"query": "*"}, {"query": 5},
    {"query": {"a": 1}}, {"type": "x"}, {"value": None}, {"content": 5}, [None], ["x", "y"], {"from": "now", "to": "now-1h"},
]  # fmt: skip
NAMES = [
    "filter", "query", "from", "to", "page", "limit", "cursor", "sort", "compute", "group_by", "facet", "aggregation", "metric", "type",
    "interval", "series", "points", "timestamp", "tags", "host", "resources", "data", "attributes", "title", "text", "date_happened",
    "fields", "state", "severity", "customer_impacted", "initial_cells", "cell_type", "content", "name", "processors", "is_enabled", "grok",
    "match_rules", "sources", "target", "categories", "expression", "template", "options", "thresholds", "silenced", "message", "service",
    "ddtags", "ddsource", "hostname", "status", "check", "containers", "container_id", "image_tags", "pipeline_ids", "queries", "formulas",
    "data_source", "formula", "aggregator", "search", "histogram", "min", "max", "alert_type", "priority", "detected", "missing", "order", "startAt", "time",
]  # fmt: skip
PARAMETERS = [
    "filter[query]", "filter[from]", "filter[to]", "filter[tags]", "page[limit]", "page[cursor]", "page[size]", "page[offset]", "sort", "query",
    "from", "to", "start", "end", "step", "time", "match[]", "q", "group_by", "group_states", "page", "page_size", "per_page", "count", "filter",
    "tags", "priority", "sources", "window[seconds]", "monitor_ids", "name", "tag_filter", "id_offset", "monitor_tags",
]  # fmt: skip


def body(choice: random.Random, depth: int = 0):
    """A random object of known names and odd values."""
    kinds = {
        "logs_request",
        "timeseries_request",
        "scalar_request",
        "incidents",
        "incident_timeline_cells",
        "metric alert",
        "log alert",
    }
    made = {}
    for name in choice.sample(NAMES, choice.randint(0, 9)):
        deeper = depth < 3 and choice.random() < 0.5
        made[name] = body(choice, depth + 1) if deeper else choice.choice(ODD)
        if deeper and choice.random() < 0.4:
            made[name] = [made[name]]
    if choice.random() < 0.5:
        made["type"] = choice.choice(sorted(kinds))
    return made


@pytest.fixture
def paths(telemetry, tmp_path):
    gate = build_app(telemetry, Settings(tmp_path, frozenset({"api"}), frozenset({"app"})))
    routes = gate._app.routes
    return [(route.path, method) for route in routes for method in sorted(route.methods - {"HEAD"})]


@pytest.mark.parametrize("seed", range(3))
async def test_no_request_makes_the_server_stumble(client, telemetry, paths, seed):
    choice = random.Random(seed)
    incident = {"data": {"type": "incidents", "attributes": {"title": "t", "customer_impacted": False}}}
    await client.post("/api/v2/incidents", json=incident)
    await client.post("/api/v2/logs", json=[{"message": "x", "service": "a"}])
    for path, method in paths * 3:
        filled = path
        for name in ("{id:int}", "{id}", "{key:int}", "{key}", "{metric}", "{name}"):
            filled = filled.replace(name, choice.choice(["1", "10000001", str(10**25), "api"]))
        parameters = {name: str(choice.choice(ODD)) for name in choice.sample(PARAMETERS, choice.randint(0, 6))}
        sent = json.dumps(choice.choice([body(choice), [body(choice)], choice.choice(ODD)]))
        answer = await client.request(method, filled, params=parameters, content=sent if method != "GET" else None)
        assert answer.status_code < 500, (method, filled, parameters, sent, answer.text)
        if answer.status_code >= 400:
            said = answer.json()  # Datadog's form, Prometheus', or OTLP's.
            assert said.get("errors") or said.get("error") or said.get("message"), (method, filled, answer.text)
    for start_at in ("AQAAA" + "z" * 40, "AQAAA", "x", "AQAAA_w=="):
        for sort in ("asc", "desc"):
            answer = await client.post("/api/v1/logs-queries/list", json={"startAt": start_at, "sort": sort})
            assert answer.status_code in (200, 400)
    await telemetry.evaluator().look()
