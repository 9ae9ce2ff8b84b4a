"""The chart draws what was measured, in its place, and nothing where nothing was measured."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from drillyard.drills.report.chart import Chart, draw, runs, seconds
from drillyard.record import Sample

START = datetime(2025, 11, 5, 20, 3, 55, 300_000, tzinfo=UTC)


def samples(*values: float | None, every_s: float = 1.0) -> list[Sample]:
    return [
        Sample(START + timedelta(seconds=index * every_s), index * every_s, value) for index, value in enumerate(values)
    ]


def chart(depth: list[Sample], *, window: tuple[float, float] | None = None, ended_s: float = 10.0) -> Chart:
    return Chart(
        started_at=START, ended_s=ended_s, depth=depth, consumers=samples(1, 0, 1), window=window, orders_s=[2]
    )


def test_a_value_that_stays_is_one_line_to_where_it_was_last_known() -> None:
    assert runs(samples(0, 0, 3, 3, 3, 0), 9.0) == [[(0.0, 0), (2.0, 3), (5.0, 0), (9.0, 0)]]


def test_where_nothing_was_measured_the_line_is_interrupted() -> None:
    assert runs(samples(1, None, None, 2), 5.0) == [[(0.0, 1), (1.0, 1)], [(3.0, 2), (5.0, 2)]]


@given(st.lists(st.none() | st.integers(0, 9), max_size=40))
def test_the_step_line_gives_back_each_measurement(values: list[int | None]) -> None:
    stretches = runs(samples(*values), float(len(values)))

    for t_s, value in enumerate(values):
        drawn = [
            corners[max(index for index, (at, _) in enumerate(corners) if at <= t_s)][1]
            for corners in stretches
            if corners[0][0] <= t_s and (t_s < corners[-1][0] or corners[-1][0] == len(values))
        ]
        assert drawn == ([] if value is None else [value])


@given(
    st.lists(st.none() | st.floats(0, 1e6), min_size=1, max_size=60),
    st.floats(0.01, 100_000),
    st.sampled_from([(960, 300), (360, 250)]),
    st.booleans(),
)
def test_any_measurements_make_a_picture_that_stays_in_its_frame(
    values: list[float | None], every_s: float, size: tuple[int, int], faulty: bool
) -> None:
    depth = samples(*values, every_s=every_s)
    window = (every_s, 2 * every_s) if faulty else None

    svg = draw(chart(depth, window=window, ended_s=depth[-1].t_s), width=size[0], height=size[1])

    if all(value is None for value in values):
        assert svg == ""
        return
    root = ElementTree.fromstring(str(svg))
    for element in root.iter():
        for name in ("x", "x1", "x2", "cx"):
            assert 0 <= float(element.get(name, "0")) <= size[0]
        for name in ("y", "y1", "y2", "cy"):
            assert 0 <= float(element.get(name, "0")) <= size[1]
    assert len(list(root.iter())) < 400


def test_the_axis_names_whole_utc_seconds() -> None:
    svg = str(draw(chart(samples(0, 5, 5, 0)), width=960, height=300))

    assert re.findall(r"\d\d:\d\d:\d\d", svg)[:3] == ["20:03:56", "20:03:57", "20:03:58"]
    assert ">UTC<" in svg


def test_the_fault_is_shaded_only_when_there_was_one() -> None:
    assert 'class="fault"' not in draw(chart(samples(0, 1)), width=960, height=300)
    assert "fault on 4.0 s" in draw(chart(samples(0, 1), window=(1.0, 5.0)), width=960, height=300)


def test_the_picture_is_told_in_words_too() -> None:
    svg = draw(chart(samples(0, 5, 0), window=(1.0, 2.0)), width=960, height=300)

    assert 'aria-label="Queue depth over time: at most 5 messages, 0 at the end. The fault was on for 1.0 s."' in svg


def test_durations_are_told_as_people_do() -> None:
    assert [seconds(value) for value in (0, 12.34, 59.94, 60, 185, 3720)] == [
        "0.0 s",
        "12.3 s",
        "59.9 s",
        "1 min 00 s",
        "3 min 05 s",
        "1 h 02 min",
    ]
