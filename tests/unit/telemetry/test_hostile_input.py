"""Hostile input: the right error or a harmless record, bounded work, and the search stays up."""

from __future__ import annotations

import errno
import json

import pytest

from drillyard.base.errors import SettingError
from drillyard.telemetry.api.answers import ApiError
from drillyard.telemetry.api.held_bytes import HeldBytes
from drillyard.telemetry.logs.index.kinds import ORIGINS_MAX
from drillyard.telemetry.settings import read_settings

NESTED = b'{"message": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}"


async def count(client, query):
    answer = await client.post("/api/v2/logs/analytics/aggregate", json={"filter": {"query": query}})
    assert answer.status_code == 200, answer.text
    return sum(bucket["computes"]["c0"] for bucket in answer.json()["data"]["buckets"])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (json.dumps({"message": "huge " + "x" * 3_000_000}).encode(), 202),
        (b'{"message": "\xff\xfe"}', 400),
        (json.dumps({"message": "esc \x1b[2J\x00\x07 <script>"}).encode(), 202),
        (json.dumps({"message": "\ud800 lone"}).encode(), 400),
        (NESTED, 400),
        (b"[" * 100_000, 400),
        (json.dumps({"message": "word", "ddtags": ",".join(f"t:{n}" for n in range(50_000))}).encode(), 202),
        (json.dumps({"message": "word", "service": "s" * 1_000_000}).encode(), 202),
        (json.dumps({"message": "word", "n": 10**40}).encode(), 202),
    ],
    ids=[
        "huge",
        "no UTF-8",
        "control",
        "lone surrogate",
        "nested",
        "brackets",
        "many tags",
        "long service",
        "big number",
    ],
)
async def test_the_search_stays_up_whatever_comes_in(client, body, status):
    answer = await client.post("/api/v2/logs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    await client.post("/api/v2/logs", json=[{"message": "still here"}])
    assert await count(client, '"still here"') == 1


async def test_text_that_is_no_utf_8_is_kept_with_marks(client):
    await client.post("/api/v2/logs", content=b"broken \xff text", headers={"Content-Type": "text/plain"})
    assert await count(client, "broken text") == 1


@pytest.mark.parametrize("query", ["(" * 1000 + "a" + ")" * 1000, "NOT " * 1000 + "a", "-" * 1000 + "a", "(" * 1000])
async def test_deep_queries_are_refused_or_answered_but_never_break(client, query):
    answer = await client.post("/api/v2/logs/events/search", json={"filter": {"query": query}})
    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        assert "column" in answer.json()["errors"][0]


async def test_a_full_disk_is_said_and_nothing_is_half_kept(client, monkeypatch):
    monkeypatch.setattr("drillyard.telemetry.logs.store.FREE_MIN_BYTES", 1 << 62)
    answer = await client.post("/api/v2/logs", json=[{"message": "word"}])
    assert answer.status_code == 507
    assert "full" in answer.json()["errors"][0]
    monkeypatch.undo()
    assert (await client.post("/api/v2/logs", json=[{"message": "word"}])).status_code == 202
    assert await count(client, "word") == 1


async def test_a_full_disk_refuses_metrics_and_keeps_all_that_it_took(client, telemetry, monkeypatch, clock):
    now_s = int(clock.now().timestamp())

    async def send(first, count):
        series = [{"metric": f"m{n}", "points": [[now_s, n]], "type": "gauge"} for n in range(first, first + count)]
        return (await client.post("/api/v1/series", json={"series": series})).status_code

    assert await send(0, 50) == 202
    store = telemetry.metrics._connection
    (pages,) = store.execute("PRAGMA page_count").fetchone()
    store.execute(f"PRAGMA max_page_count = {pages + 2}")  # SQLite's own "database or disk is full".
    assert await send(50, 2_000) == 507
    store.execute("PRAGMA max_page_count = 1000000")
    monkeypatch.setattr("drillyard.telemetry.metrics.store.FREE_MIN_BYTES", 1 << 62)
    assert await send(5_000, 1) == 507
    monkeypatch.undo()
    assert await send(6_000, 1) == 202
    kept = (await client.get("/api/v1/metrics", params={"from": now_s - 60})).json()["metrics"]
    assert sorted(kept) == sorted([f"m{n}" for n in range(50)] + ["m6000"])


async def test_a_book_that_cannot_be_written_says_that_the_disk_is_full(client, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("drillyard.telemetry.pipelines.book.write_atomically", full)
    body = {"name": "m", "filter": {"query": "*"}, "processors": []}
    answer = await client.post("/api/v1/logs/config/pipelines", json=body)  # The client raises what the app raises.
    assert answer.status_code == 507


async def test_very_many_distinct_tags_cost_bounded_memory(client, telemetry, monkeypatch):
    monkeypatch.setattr("drillyard.telemetry.logs.store.SEEN_MAX", 1_000)
    for part in range(10):
        items = [{"message": "tagged", "ddtags": f"order:{part * 1000 + number}"} for number in range(1000)]
        assert (await client.post("/api/v2/logs", json=items)).status_code == 202
    assert len(telemetry.logs.kinds) <= ORIGINS_MAX + 1
    assert len(telemetry.logs._seen) <= 3_000
    assert await count(client, "tagged") == 10_000
    assert await count(client, "order:9876") == await count(client, "order:17") == 1
    assert await count(client, "order:98*") == 111
    answer = await client.post(
        "/api/v2/logs/analytics/aggregate",
        json={"filter": {"query": "tagged"}, "group_by": [{"facet": "order", "limit": 5}]},
    )
    assert len(answer.json()["data"]["buckets"]) == 5


async def test_names_of_a_megabyte_are_cut_and_found(client, telemetry):
    body = [{"message": "named", "service": "S" * 1_000_000, "hostname": "h" * 1_000_000, "ddsource": "x" * 1_000_000}]
    assert (await client.post("/api/v2/logs", json=body)).status_code == 202
    assert await count(client, f"named service:{'s' * 200} host:{'h' * 200} source:{'x' * 200}") == 1


async def test_a_page_too_large_to_be_sent_is_refused_and_a_smaller_one_is_not(client, monkeypatch):
    monkeypatch.setattr("drillyard.telemetry.api.pages.PAGE_BYTES_MAX", 1 << 20)
    await client.post("/api/v2/logs", json=[{"message": f"large {n} " + "x " * 100_000} for n in range(10)])
    asked = {"filter": {"query": "large"}, "page": {"limit": 10}}
    answer = await client.post("/api/v2/logs/events/search", json=asked)
    assert answer.status_code == 400
    assert "lower page limit" in answer.json()["errors"][0]
    asked["page"] = {"limit": 3}
    found = []
    while True:
        page = (await client.post("/api/v2/logs/events/search", json=asked)).json()
        found += [log["attributes"]["message"][:7] for log in page["data"]]
        if "page" not in page["meta"]:
            break
        asked["page"]["cursor"] = page["meta"]["page"]["after"]
    assert found == [f"large {n}" for n in reversed(range(10))]


async def test_bodies_that_are_too_much_together_are_put_off_and_leave_nothing_behind():
    held = HeldBytes(1_000)
    with held.of_request() as hold, held.of_request() as other:
        hold(900)
        with pytest.raises(ApiError) as refused:
            other(200)
        assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})
    with held.of_request() as hold:
        hold(1_000)


async def test_long_lines_that_do_not_match_are_not_read_where_kinds_are_many(client, telemetry, monkeypatch):
    monkeypatch.setattr("drillyard.telemetry.logs.index.plan.KINDS_NAMED_MAX", 3)
    await client.post("/api/v2/logs", json=[{"message": "short", "service": f"s{n}"} for n in range(20)])
    await client.post("/api/v2/logs", json=[{"message": "short and " + "long " * 2_000, "service": "long"}] * 3)
    read = []
    made = telemetry.logs._record
    monkeypatch.setattr(telemetry.logs, "_record", lambda *parts: read.append(parts) or made(*parts))
    answer = await client.post(
        "/api/v2/logs/events/search", json={"filter": {"query": "short -and"}, "page": {"limit": 50}}
    )
    assert len(answer.json()["data"]) == len(read) == 20


def test_the_number_of_kept_records_is_a_setting():
    needed = {"TELEMETRY_DATA": "x", "DD_API_KEY": "a", "DD_APP_KEY": "b"}
    assert read_settings(needed | {"RECORDS_MAX": "50000"}).records_max == 50_000
    with pytest.raises(SettingError):
        read_settings(needed | {"RECORDS_MAX": "5"})
