"""Processing rules, logs of several lines, and further intakes."""

from __future__ import annotations

import gzip
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.base.clock import VirtualClock
from drillyard.base.errors import SettingError
from drillyard.telemetry.agent.copies import Copy, Endpoint, read_endpoints
from drillyard.telemetry.agent.intake import Delivery
from drillyard.telemetry.agent.joiner import Joiner
from drillyard.telemetry.agent.offsets import Offsets
from drillyard.telemetry.agent.pods import Pods
from drillyard.telemetry.agent.rules import read_rules
from drillyard.telemetry.agent.sender import Sender
from drillyard.telemetry.agent.spool import Spool
from drillyard.telemetry.agent.stats import Stats
from drillyard.telemetry.agent.tags import Origin, origin
from drillyard.telemetry.agent.tail import Line, Source

SOURCE = Source("shop", "a", "u1", "main")
BEGINS = re.compile(r"\d{4}-")


def rule(kind, pattern, **more):
    return {"type": kind, "name": "n", "pattern": pattern} | more


def line(text, end=0, file="f"):
    return Line(SOURCE, file, 1, end, 1_000 + end, "stdout", text, truncated=False)


@pytest.mark.parametrize(
    ("rules", "text", "sent"),
    [
        ([rule("exclude_at_match", "health")], "GET /health", None),
        ([rule("exclude_at_match", "health")], "GET /orders", "GET /orders"),
        ([rule("include_at_match", "^ERROR")], "INFO fine", None),
        (
            [rule("mask_sequences", r"card=\d+", replace_placeholder="card=[masked]")],
            "pay card=4242",
            "pay card=[masked]",
        ),
        ([rule("mask_sequences", r"(user)=\w+", replace_placeholder="$1=x${1}")], "user=bob", "user=xuser"),
        ([rule("mask_sequences", "a", replace_placeholder=r"\1")], "a", r"\1"),
        ([rule("mask_sequences", "secret"), rule("exclude_at_match", "secret")], "a secret", "a "),
    ],
)
def test_rules_exclude_include_and_mask(rules, text, sent):
    assert read_rules(rules).apply(text) == sent


@pytest.mark.parametrize(
    "given",
    [
        {},
        ["x"],
        [{}],
        [rule("drop", "x")],
        [rule("multi_line", "(")],
        [rule("mask_sequences", "a", replace_placeholder="$1")],
    ],
)
def test_a_rule_that_cannot_be_understood_is_named(given):
    with pytest.raises(SettingError):
        read_rules(given)


def test_rules_stand_in_the_pods_annotation_and_a_wrong_one_is_reported(capsys):
    def pod(rules):
        annotations = {"ad.datadoghq.com/main.logs": json.dumps([{"log_processing_rules": rules}])}
        return {"metadata": {"name": "a", "uid": "u1", "annotations": annotations}, "spec": {}}

    pods = Pods(VirtualClock(), "", read_rules([rule("exclude_at_match", "ping")]))
    pods.listed([pod([rule("mask_sequences", "b")])])
    found = pods.origin(SOURCE).rules
    assert (found.apply("a ping"), found.apply("abc")) == (None, "ac")
    assert origin(pod([rule("drop", "b")]), "main", "").rules.apply("b") == "b"
    assert "a/main" in capsys.readouterr().err


async def test_a_stack_trace_travels_with_its_line():
    clock = VirtualClock()
    joiner = Joiner(clock)
    texts = ["2025-10-28 failed", "java.lang.Error: x", "\tat a.B", "2025-10-28 next"]
    found = [log for end, text in enumerate(texts) for log in joiner.add(line(text, end), BEGINS)]
    assert [(log.text, log.end, log.timestamp_us) for log in found] == [("\n".join(texts[:3]), 2, 1_000)]
    assert not list(joiner.ripe())
    await clock.advance(1.0)
    assert [log.text for log in joiner.ripe()] == ["2025-10-28 next"]
    assert not list(joiner.rest())


@given(st.lists(st.tuples(st.sampled_from("fg"), st.sampled_from(["2025-x", "at y", ""]))))
def test_joining_loses_no_line_and_keeps_each_files_order(written):
    joiner = Joiner(VirtualClock())
    found = [log for end, (file, text) in enumerate(written) for log in joiner.add(line(text, end, file), BEGINS)]
    found += joiner.rest()
    for file in "fg":
        texts = [text for name, text in written if name == file]
        joined = [log for log in found if log.file == file]
        assert "\n".join(log.text for log in joined) == "\n".join(texts)
        assert [log.end for log in joined] == sorted(log.end for log in joined)


class FakeIntake:
    def __init__(self):
        self.answer = Delivery.DONE
        self.trouble = ""
        self.arrived = []

    async def post(self, url, body, headers=None):
        if self.answer is Delivery.DONE:
            self.arrived.append((url, [log["message"] for log in json.loads(gzip.decompress(body))]))
        return self.answer


@pytest.fixture
def shipping(tmp_path):
    clock, first, second = VirtualClock(), FakeIntake(), FakeIntake()
    (tmp_path / "run").mkdir()
    copy = Copy(Endpoint("https://real/api/v2/logs", "k"), second, tmp_path / "run", clock)
    offsets = Offsets(tmp_path / "offsets.json")
    sender = Sender(first, "http://yard", "node", Spool(tmp_path / "buffer"), offsets, Stats(), clock, [copy])
    return sender, first, second, copy, offsets


async def test_every_log_goes_to_both_intakes_also_when_one_is_away(shipping):
    sender, first, second, copy, offsets = shipping
    first.answer = second.answer = Delivery.LATER
    sender.put(line("one", 7), Origin("s", "s", ()))
    assert not await sender.send_once()
    assert not await copy.send_oldest()
    assert offsets.get("f") == (1, 7)  # Both hold it on the disk.
    first.answer = second.answer = Delivery.DONE
    assert await sender.send_once()
    assert await copy.send_oldest()
    assert first.arrived == [("http://yard/api/v2/logs", ["one"])]
    assert second.arrived == [("https://real/api/v2/logs", ["one"])]


async def test_what_a_further_intake_refuses_or_has_no_room_for_is_counted_by_logs(shipping, monkeypatch):
    sender, _, second, copy, _ = shipping
    for number in range(3):
        sender.put(line(f"{number}", number), Origin("s", "s", ()))
    assert await sender.send_once()
    second.answer, second.trouble = Delivery.LATER, "HTTP 403"
    assert not await copy.send_oldest()
    figures = copy.figures()
    assert (figures.sent, figures.dropped, figures.trouble) == (0, 0, "HTTP 403")
    assert figures.waiting_bytes > 0
    second.answer, second.trouble = Delivery.NEVER, "HTTP 413"
    assert await copy.send_oldest()
    monkeypatch.setattr("drillyard.telemetry.agent.spool.BYTES_MAX", 0)
    sender.put(line("no room", 9), Origin("s", "s", ()))
    assert await sender.send_once()
    assert (copy.figures().dropped, copy.figures().waiting_bytes) == (4, 0)


async def test_an_excluded_line_moves_its_files_offset_and_is_not_sent(shipping):
    sender, first, _, _, offsets = shipping
    sender.put(line("ping", 9), Origin("s", "s", (), read_rules([rule("exclude_at_match", "ping")])))
    assert await sender.send_once()
    assert (first.arrived, offsets.get("f")) == ([], (1, 9))


def test_further_endpoints_are_written_as_for_the_datadog_agent():
    text = '[{"api_key": "k", "Host": "agent-http-intake.logs.datadoghq.com", "Port": 443, "is_reliable": true}]'
    assert read_endpoints(text) == (Endpoint("https://agent-http-intake.logs.datadoghq.com:443/api/v2/logs", "k"),)
    assert read_endpoints('[{"api_key": "k", "host": "h", "port": 80, "use_ssl": false}]')[0].url.startswith(
        "http://h:80"
    )
    for wrong in ("{", "{}", "[1]", '[{"Host": "h"}]', '[{"api_key": "k", "Host": "h", "Port": "x"}]'):
        with pytest.raises(SettingError):
            read_endpoints(wrong)
