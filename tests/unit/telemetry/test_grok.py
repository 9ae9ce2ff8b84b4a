"""Grok, held against the cases of the seeds and of Datadog's documentation."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillyard.telemetry.pipelines.errors import PipelineError
from drillyard.telemetry.pipelines.grok import Grok
from drillyard.telemetry.pipelines.time_limit import TooSlow, time_limit

CASES = json.loads((Path(__file__).parent / "data" / "grok-cases.json").read_text())["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["log"][:40])
def test_a_line_gives_the_attributes_that_datadog_gives(case):
    found = Grok(case["match_rules"], case["support_rules"]).parse(case["log"])
    assert (found or {}) == case["want"]


@pytest.mark.parametrize(
    "rules",
    [
        "", "%{word:a}", "r %{wrod:a}", "r %{word:a", "r %{word:a:nofilter}", "r (%{word:a}", 'r %{date("QQ"):d}', "r %{date:d}",
        'r %{date("yyyy","Nowhere/City"):d}', "r %{word}\nr %{word}", "\n".join(f"r{n} x" for n in range(11)), 'r %{regex("("):a}',
        "r %{data:a:xml}",
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused(rules):
    with pytest.raises(PipelineError):
        Grok(rules)


PIECES = st.sampled_from(
    [
        "r ",
        "%{",
        "}",
        "word",
        ":",
        "a.b",
        "data",
        "regex(",
        '"',
        ")",
        "date(",
        "yyyy",
        "\\",
        "(",
        "\n",
        "keyvalue",
        "|",
        "*",
    ]
)


@given(st.lists(PIECES, max_size=14).map("".join))
def test_any_rule_compiles_or_is_refused(rules):
    try:
        grok = Grok(rules)
    except PipelineError:
        return
    with time_limit(0.2):
        grok.parse("some line a=b")


def test_a_runaway_expression_is_stopped():
    grok = Grok("r (a+)+b")
    started_s = time.monotonic()
    with pytest.raises(TooSlow), time_limit(0.05):
        grok.parse("a" * 40)
    assert time.monotonic() - started_s < 1
