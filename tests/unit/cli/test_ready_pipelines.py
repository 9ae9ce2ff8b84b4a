"""The ready set reads the shop's own lines, is put in once by name, and a rule can be tried before it is saved."""

from __future__ import annotations

import pytest

from drillyard.base.errors import SettingError
from drillyard.telemetry.logs.record import Record
from drillyard.telemetry.pipelines.draft import Draft
from drillyard.telemetry.pipelines.pipeline import Pipeline
from drillyard.yard.ready_pipelines import GO_KIT, READY, SPRING, install, remove
from drillyard.yard.rule_trial import try_rule

SPRING_TAGS = ["kube_namespace:sock-shop", "kube_deployment:orders"]
GO_TAGS = ["kube_namespace:sock-shop", "kube_deployment:catalogue"]


def status_after(line: str, tags: list[str], status: str) -> str:
    """What both pipelines make of a line with that status."""
    record = Record(0, line, status=status, tags=list(tags))
    draft = Draft(record, 0)
    for definition in READY:
        Pipeline(definition).run(draft)
    return record.status


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (
            "2025-10-28 10:04:45.548 ERROR [orders,5f1c,5f1d,true] 1 --- [p-nio-80-exec-1] w.w.s.o.Orders : failed",
            "error",
        ),
        ("2025-10-28 10:04:45.548  WARN [orders,,,] 1 --- [           main] w.w.s.o.Orders         : slow", "warn"),
        ("2025-10-28 10:04:45.548  INFO [orders,,,] 1 --- [thread with blanks] w.w.s.o.Orders : x\n\tat y", "info"),
        ("no Spring line", "info"),
    ],
)
def test_a_spring_line_gets_the_status_of_its_level(line: str, status: str) -> None:
    assert status_after(line, SPRING_TAGS, "info") == status


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("ts=2025-10-28T10:04:45Z caller=logging.go:81 method=Health result=2 took=9ms", "info"),
        ('ts=2025-10-28T10:04:45Z caller=logging.go:56 method=Get result="Nerd leg" err=null took=2ms', "info"),
        ('ts=2025-10-28T10:04:45Z caller=logging.go:56 method=Get err="Do: no database" took=2ms', "error"),
        ('ts=2025-10-28T10:04:45Z caller=service.go:94 level=error msg="database error" err=x', "error"),
        ('ts=2025-10-28T10:04:45Z caller=gateway.go:71 level=warn msg="Payment declined"', "warn"),
        ("panic: runtime error", "error"),
    ],
)
def test_a_go_line_is_an_error_only_when_it_says_so_or_cannot_be_read(line: str, status: str) -> None:
    assert status_after(line, GO_TAGS, "error") == status


def test_lines_of_other_services_are_left_alone() -> None:
    assert status_after("ts=1 level=info", ["kube_namespace:bank", "kube_deployment:bank"], "error") == "error"


async def test_the_set_is_installed_once_however_often_it_is_asked_for(datadog) -> None:
    first = await install(datadog)
    second = await install(datadog)

    assert [one.did for one in first] == ["installed", "installed"]
    assert [one.did for one in second] == ["unchanged", "unchanged"]
    assert [one["name"] for one in datadog.definitions] == [SPRING["name"], GO_KIT["name"]]


async def test_a_changed_pipeline_of_the_set_is_brought_back(datadog) -> None:
    await install(datadog)
    datadog.definitions[0] |= {"is_enabled": False}

    done = await install(datadog)

    assert [one.did for one in done] == ["updated", "unchanged"]
    assert datadog.definitions[0]["is_enabled"]


async def test_removing_leaves_the_pipelines_of_others(datadog) -> None:
    await datadog.create_pipeline({"name": "mine"})
    await install(datadog)

    assert [one.did for one in await remove(datadog)] == ["removed", "removed"]
    assert await remove(datadog) == []
    assert [one["name"] for one in datadog.definitions] == ["mine"]


def test_a_tried_rule_shows_attributes_and_the_status_they_would_give() -> None:
    fits, misses = try_rule("r1 %{word:level} %{data:msg}", ["WARN slow", ""])

    assert fits.attributes == {"level": "WARN", "msg": "slow"}
    assert fits.status == "warn"
    assert misses.attributes is None


def test_the_documents_rule_without_a_name_is_refused_with_a_sentence() -> None:
    with pytest.raises(SettingError, match="a name, a blank and a pattern"):
        try_rule(r"%{word:level} %{data:message}", [])


def test_a_rule_that_takes_too_long_is_given_up_for_that_line() -> None:
    tried = list(try_rule("r1 (a+)+$", ["a" * 40 + "b", "aaa b"]))

    assert "longer than" in tried[0].problem
    assert len(tried) == 2
