"""Sparklines, figures, event lines and refused queries, as they are shown to people."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from drillyard.base.errors import SettingError
from drillyard.cli import events
from drillyard.cli.logs import check_options, group_table
from drillyard.cli.metrics import Answer, course_cells, number, series_table, sparkline
from drillyard.yard.datadog import Group
from drillyard.yard.refused_query import refused_query


def printed(shown, width: int = 120) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(shown)
    return out.getvalue()


def test_a_sparkline_shows_the_course_and_leaves_gaps_where_no_point_is() -> None:
    points = [(0.0, 0.0), (25.0, 7.0), (75.0, 3.5)]

    assert sparkline(points, 0, 100, width=4) == "▁█ ▅"


def test_a_series_that_never_changes_is_a_low_line() -> None:
    assert sparkline([(0.0, 0.0), (60.0, 0.0)], 0, 100, width=2) == "▁▁"


def test_points_at_the_edges_of_the_window_stay_inside() -> None:
    assert len(sparkline([(-5.0, 1.0), (100.0, 2.0), (500.0, 3.0)], 0, 100, width=10)) == 10


@pytest.mark.parametrize(
    ("value", "shown"), [(3.0, "3"), (0.25, "0.25"), (1.53e9, "1.53e+09"), (0.0, "0"), (-2.0, "-2")]
)
def test_a_value_is_told_short(value: float, shown: str) -> None:
    assert number(value) == shown


def test_a_value_of_zero_is_shown_and_a_missing_one_is_not() -> None:
    series = [
        {"metric": "m", "scope": "a:1", "interval": 20, "pointlist": [[0, 0.0], [20_000, 0.0]]},
        {"metric": "m", "scope": "a:2", "interval": 20, "pointlist": [[0, None]]},
        {"metric": "m", "scope": "a:3", "interval": 20, "pointlist": [[0, float("nan")], [20_000, 5.0]]},
    ]

    shown = printed(series_table(Answer(series, 0, 60_000, [])))

    assert "a:1" in shown and " 0    0    0  ▁▁" in shown
    assert "a:2" not in shown
    assert " 5    5    5 " in shown


def test_a_narrow_terminal_shortens_the_course_and_not_the_name() -> None:
    series = [{"metric": "m", "scope": "pod_name:a", "interval": 20, "pointlist": [[n * 20_000, n] for n in range(99)]}]
    table = series_table(Answer(series, 0, 1_980_000, []), course_cells(40))
    lines = printed(table, width=40).splitlines()
    assert "pod_name" in lines[-2] + lines[-1]
    assert all(len(line) <= 40 for line in lines)
    assert [course_cells(width) for width in (30, 60, 80, 200)] == [6, 12, 30, 30]


def test_groups_are_a_table_with_their_facets() -> None:
    shown = printed(group_table(["service", "status"], [Group({"service": "[red]x", "status": "\x1b[2J"}, 7)]))

    assert [line.split() for line in shown.splitlines()] == [["SERVICE", "STATUS", "COUNT"], ["[red]x", "␛[2J", "7"]]


def test_an_event_is_one_line_without_the_agents_markdown() -> None:
    message = (
        "%%% \n1 **Unhealthy**: Readiness probe failed\n \n _Events emitted by the kubelet seen at x since y_ \n\n %%%"
    )
    attributes = {
        "timestamp": "2025-10-28T10:04:45.000Z",
        "message": message,
        "attributes": {"title": "Events from the Pod sock-shop/user\x1b", "status": "warning"},
    }

    assert events.line(attributes).plain == (
        "2025-10-28T10:04:45.000Z warning  Pod sock-shop/user␛  1 Unhealthy: Readiness probe failed"
    )


def test_an_error_with_a_column_gets_a_caret() -> None:
    shown = str(refused_query("Unknown operator at column 5", "a:b >> c"))

    assert shown == "Unknown operator at column 5\n  a:b >> c\n      ^"


@pytest.mark.parametrize(
    "said", ["Not a time.", "Wrong at column 5\n  a:b >> c\n      ^", "Wrong at column 99", "Wrong at column 0"]
)
def test_an_error_that_has_a_caret_or_no_place_stays_as_it_is(said: str) -> None:
    assert str(refused_query(said, "a:b >> c")) == said


@pytest.mark.parametrize(
    ("facets", "follow", "count", "end"),
    [
        ((), True, True, "now"),
        (("service",), False, True, "now"),
        ((), True, False, "now-1m"),
        (("a",) * 5, False, False, "now"),
    ],
)
def test_options_that_exclude_each_other_are_refused(facets, follow: bool, count: bool, end: str) -> None:
    with pytest.raises(SettingError):
        check_options(facets, follow, count, end)
