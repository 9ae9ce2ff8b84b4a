"""The samples and expressions that our PromQL and a real Prometheus are both asked about, and how answers are compared.

No sample lies on the edge of a range: Prometheus 3 leaves a range's first moment out and Prometheus 2 does not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drillyard.telemetry.metrics.store import MetricStore, Point

AT_S = 1_760_000_000
START_S, STEP_S = AT_S - 600, 90
EVERY_S = 15
_LAST_S = AT_S - 8
_COUNT = 120
_DATA = Path(__file__).parent / "data"
ANSWERS = _DATA / "promql-answers.json"

Series = tuple[str, dict[str, str], list[tuple[int, float]]]


def expressions() -> list[str]:
    lines = (_DATA / "promql-expressions.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _every(values: list[float]) -> list[tuple[int, float]]:
    start_s = _LAST_S - EVERY_S * (len(values) - 1)
    return [(start_s + EVERY_S * number, float(value)) for number, value in enumerate(values)]


def _counter(start: int, step: int, reset_at: int | None = None) -> list[tuple[int, float]]:
    values, value = [], start
    for number in range(_COUNT):
        value = 7 if number == reset_at else value + step + number % 3
        values.append(float(value))
    return _every(values)


def samples() -> list[Series]:
    """Half an hour, one point every 15 s; series of one metric stand together."""
    wave = [round(5 + 4 * math.sin(number / 7), 2) for number in range(_COUNT)]
    found: list[Series] = [
        ("requests", {"job": "a", "code": "200", "zone": "x"}, _counter(10_000, 30)),
        ("requests", {"job": "a", "code": "404"}, _counter(500, 1)),
        ("requests", {"job": "a", "code": "500"}, _counter(4_000, 5, reset_at=110)),
        ("requests", {"job": "b", "code": "200", "zone": "y"}, _every([5.0] * _COUNT)),
        ("requests", {"job": "b", "code": "500"}, _counter(200, 2, reset_at=60)),
        ("limit", {"job": "a", "owner": "ann"}, _every([1000.0] * _COUNT)),
        ("limit", {"job": "c", "owner": "cem"}, _every([3.0] * _COUNT)),
        ("limit2", {}, _every([2.0] * _COUNT)),
        ("gauge", {"job": "a"}, _every(wave)),
        ("gauge", {"job": "b"}, _every([round(value / 3, 3) for value in reversed(wave)])),
        ("gauge", {"job": "d"}, _every([1.0] * _COUNT)),
        ("gappy", {"job": "a"}, _every(wave)[:90] + _every(wave)[117:]),
        ("gappy", {"job": "b"}, _every(wave)[-6:]),
        ("constant", {"job": "a"}, _every([5.0] * _COUNT)),
        ("old", {}, [(AT_S - 903, 2.0), (AT_S - 398, 1.0)]),
    ]
    special = {"inf": math.inf, "ninf": -math.inf, "zero": 0.0, "minus": -2.5, "plus": 1e20}
    found += [("special", {"kind": kind}, _every([value] * _COUNT)) for kind, value in special.items()]
    for job, scale in (("a", 1), ("b", 3)):
        for place, bound in enumerate(("0.1", "0.5", "2.5", "+Inf")):
            count = scale * (40, 70, 95, 100)[place]
            found.append(
                ("took_bucket", {"job": job, "le": bound}, _every([float(count * (n + 1)) for n in range(_COUNT)]))
            )
    found += [("broken_bucket", {"le": bound}, _every([10.0] * _COUNT)) for bound in ("1", "2")]
    return found


def openmetrics() -> str:
    """The samples as `promtool tsdb create-blocks-from openmetrics` takes them."""
    return "".join(f"{line}\n" for line in (*_lines(), "# EOF"))


def _lines() -> Iterator[str]:
    for name, labels, points in samples():
        shown = ",".join(f'{key}="{value}"' for key, value in labels.items())
        for at_s, value in points:
            text = {math.inf: "+Inf", -math.inf: "-Inf"}.get(value, "NaN" if math.isnan(value) else repr(value))
            yield f"{name}{{{shown}}} {text} {at_s}"


def fill(store: MetricStore) -> None:
    store.add(
        [
            Point(name, tuple(sorted(f"{key}:{value}" for key, value in labels.items())), at_s, value)
            for name, labels, points in samples()
            for at_s, value in points
        ]
    )


def differs(query: str, expected: Any, found: Any) -> str:
    """What two answers (`{"error": true}`, or what stands under `data`) disagree in; empty when they agree."""
    if bool(expected.get("error")) != bool(found.get("error")):
        return f"expected {_brief(expected)}, found {_brief(found)}"
    if expected.get("error"):
        return ""
    if expected["resultType"] != found["resultType"]:
        return f"expected a {expected['resultType']}, found a {found['resultType']}"
    if expected["resultType"] in ("scalar", "string"):
        same = _same(expected["result"][1], found["result"][1])
        return "" if same else f"expected {expected['result']}, found {found['result']}"
    if (
        query.startswith(("sort", "topk(", "bottomk("))
        and expected["resultType"] == "vector"
        and "special" not in query
    ):
        left, right = ([sorted(one["metric"].items()) for one in side["result"]] for side in (expected, found))
        if left != right:
            return f"expected the order {left}, found {right}"
    left_of, right_of = _by_labels(expected), _by_labels(found)
    if left_of.keys() != right_of.keys() or len(found["result"]) != len(right_of):
        return f"expected the series {sorted(left_of)}, found {sorted(right_of)}"
    for labels, points in left_of.items():
        other = right_of[labels]
        if len(points) != len(other) or not all(
            a[0] == b[0] and _same(a[1], b[1]) for a, b in zip(points, other, strict=True)
        ):
            return f"{dict(labels)}: expected {points[:12]}, found {other[:12]}"
    return ""


def _by_labels(answer: Any) -> dict[tuple[tuple[str, str], ...], list[Any]]:
    return {tuple(sorted(one["metric"].items())): one.get("values") or [one["value"]] for one in answer["result"]}


def _same(left: str, right: str) -> bool:
    try:
        a, b = float(left), float(right)
    except ValueError:
        return left == right
    return (math.isnan(a) and math.isnan(b)) or a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def _brief(answer: Any) -> str:
    return "an error" if answer.get("error") else str(answer)[:200]
