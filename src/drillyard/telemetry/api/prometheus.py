"""
Prometheus' HTTP API under `/prometheus`: queries, series, labels.

Its errors have Prometheus' form, `{"status": "error", "errorType": …, "error": …}`; its key is the application key, as
a bearer token, or as the password of basic authentication.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.api.answers import answer
from drillyard.telemetry.api.body import read_body
from drillyard.telemetry.metrics.catalogue import KNOWN
from drillyard.telemetry.prometheus.evaluate import Evaluation, parse_promql, selector_matchers
from drillyard.telemetry.prometheus.names import prometheus_name
from drillyard.telemetry.prometheus.numbers import written
from drillyard.telemetry.prometheus.source import Source, fits
from drillyard.telemetry.prometheus.values import NAME, Labels, PromqlError, Span, Track, Value
from drillyard.telemetry.telemetry import Telemetry
from drillyard.telemetry.times import TimeError, parse_duration, parse_time

PREFIX = "/prometheus"
ACTIVE_S = 6 * 3_600

Handler = Callable[[Request], Awaitable[Any]]
Form = Mapping[str, list[str]]


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""
    surface = _Prometheus(telemetry)
    api, both = f"{PREFIX}/api/v1", ["GET", "POST"]
    return [
        Route(f"{api}/query", answering(surface.query), methods=both),
        Route(f"{api}/query_range", answering(surface.query_range), methods=both),
        Route(f"{api}/series", answering(surface.series), methods=both),
        Route(f"{api}/labels", answering(surface.labels), methods=both),
        Route(f"{api}/label/{{name}}/values", answering(surface.values), methods=["GET"]),
        Route(f"{api}/metadata", answering(surface.metadata), methods=["GET"]),
        Route(f"{api}/query_exemplars", answering(surface.exemplars), methods=both),
        Route(f"{api}/format_query", answering(surface.format_query), methods=both),
        Route(f"{api}/status/tsdb", answering(surface.tsdb), methods=["GET"]),
    ]


class _Prometheus:
    """One method a call; each gives what stands under `data`."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._source = Source(telemetry.metrics)

    async def query(self, request: Request) -> Any:
        form = await _form(request)
        at_s = _moment(form, "time", self._telemetry.now_ms())
        evaluation = await self._telemetry.read(lambda: Evaluation(_text(form, "query"), self._source, at_s, at_s))
        return shown(await self._telemetry.read(lambda: evaluation.at(at_s)), at_s)

    async def query_range(self, request: Request) -> Any:
        form = await _form(request)
        start_s, end_s = _moment(form, "start", None), _moment(form, "end", None)
        if end_s < start_s:
            raise PromqlError('invalid parameter "end": end timestamp must not be before start time')
        step_s = _step(_text(form, "step"))
        tracks = await self._telemetry.read(
            lambda: Evaluation(_text(form, "query"), self._source, start_s, end_s).over(step_s)
        )
        return shown_tracks(tracks)

    async def found(self, form: Form) -> list[Labels]:
        since_s = _moment(form, "start", self._telemetry.now_ms() - ACTIVE_S * 1000)
        selectors = [selector_matchers(text) for text in form.get("match[]", [])]
        every = await self._telemetry.read(lambda: self._source.labels([], since_s))
        return [
            labels for labels in every if not selectors or any(fits(conditions, labels) for conditions in selectors)
        ]

    async def series(self, request: Request) -> Any:
        form = await _form(request)
        if "match[]" not in form:
            raise PromqlError("no match[] parameter provided")
        return (await self.found(form))[: _limit(form)]

    async def labels(self, request: Request) -> Any:
        form = await _form(request)
        return sorted({name for labels in await self.found(form) for name in labels})[: _limit(form)]

    async def values(self, request: Request) -> Any:
        name, form = request.path_params["name"], await _form(request)
        return sorted({labels[name] for labels in await self.found(form) if name in labels})[: _limit(form)]

    async def metadata(self, request: Request) -> Any:
        """What the metrics mean, where we know. All are gauges: Datadog's counts are amounts, and no counters."""
        form = await _form(request)
        every = await self._telemetry.read(lambda: self._source.metrics(self._active_s()))
        wanted, limit = form.get("metric", [""])[0], _limit(form)
        shown = {}
        for metric in every:
            known = KNOWN.get(metric)
            about = {"type": "gauge", "help": known.description if known else "", "unit": known.unit if known else ""}
            shown[prometheus_name(metric)] = [about]
        found = sorted(item for item in shown.items() if wanted in ("", item[0]))
        return dict(found[:limit])

    async def exemplars(self, request: Request) -> Any:
        """None are kept: the agent's metrics bear no trace ids."""
        parse_promql(_text(await _form(request), "query"))
        return []

    async def format_query(self, request: Request) -> Any:
        return parse_promql(_text(await _form(request), "query")).prettify()

    async def tsdb(self, request: Request) -> Any:
        """How many series there are, and of which metrics."""
        limit = _limit(await _form(request)) or 10
        labels = await self._telemetry.read(lambda: self._source.labels([], self._active_s()))
        names = Counter(one[NAME] for one in labels)
        values = {
            name: {one[name] for one in labels if name in one} for name in {name for one in labels for name in one}
        }
        pairs = Counter(f"{name}={value}" for one in labels for name, value in one.items())
        counts = Counter({name: len(different) for name, different in values.items()})
        return {
            "headStats": {"numSeries": len(labels), "numLabelPairs": len(pairs)},
            "seriesCountByMetricName": _counted(names, limit),
            "labelValueCountByLabelName": _counted(counts, limit),
            "seriesCountByLabelValuePair": _counted(pairs, limit),
        }

    def _active_s(self) -> float:
        return self._telemetry.now_ms() / 1000 - ACTIVE_S


def answering(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The handler's result under `data`, an error of the query in Prometheus' form."""

    async def handle(request: Request) -> Response:
        try:
            return answer({"status": "success", "data": await handler(request)})
        except (PromqlError, TimeError) as wrong:
            return answer({"status": "error", "errorType": "bad_data", "error": wrong.message}, 400)
        except DrillyardError as wrong:
            return answer({"status": "error", "errorType": "execution", "error": wrong.message}, 422)

    return handle


async def _form(request: Request) -> Form:
    """The parameters of the address, and of a posted form."""
    form = parse_qs(request.url.query, keep_blank_values=True)
    if request.method == "POST":
        posted = parse_qs((await read_body(request)).decode(errors="replace"), keep_blank_values=True)
        form = {name: form.get(name, []) + posted.get(name, []) for name in form | posted}
    return form


def _text(form: Form, name: str) -> str:
    values = form.get(name, [""])
    if not values[0]:
        raise PromqlError(f'invalid parameter "{name}": it is missing')
    return values[0]


def _limit(form: Form) -> int | None:
    """The most that is wanted; None for all."""
    text = form.get("limit", ["0"])[0]
    if not text.isdecimal() or len(text) > 9:
        raise PromqlError('invalid parameter "limit": limit must be non-negative')
    return int(text) or None


def _counted(counts: Counter[str], limit: int) -> list[dict[str, Any]]:
    return [{"name": name, "value": count} for name, count in counts.most_common(limit)]


def _moment(form: Form, name: str, default_ms: int | None) -> float:
    if name not in form and default_ms is not None:
        return default_ms / 1000
    text = _text(form, name)
    try:
        moment_s = float(text)
    except ValueError:
        return parse_time(text, 0) / 1000
    if not math.isfinite(moment_s) or not 0 <= moment_s < 1e11:
        raise PromqlError(f'invalid parameter "{name}": {text[:50]} is no time in seconds')
    return round(moment_s, 3)  # Prometheus counts milliseconds.


def _step(text: str) -> float:
    try:
        step_s = float(text)
    except ValueError:
        return parse_duration(text) / 1000
    if not math.isfinite(step_s) or step_s <= 0:
        raise PromqlError('invalid parameter "step": zero or negative query resolution step widths are not accepted')
    return step_s


def shown_tracks(tracks: Iterable[Track]) -> dict[str, Any]:
    """A matrix as Prometheus writes it."""
    result = [
        {
            "metric": track.labels,
            "values": [[t, written(v)] for t, v in zip(track.times, track.values, strict=True)],
        }
        for track in tracks
    ]
    return {"resultType": "matrix", "result": result}


def shown(value: Value, at_s: float) -> dict[str, Any]:
    """A value at one moment as Prometheus writes it."""
    if isinstance(value, float):
        return {"resultType": "scalar", "result": [at_s, written(value)]}
    if isinstance(value, str):
        return {"resultType": "string", "result": [at_s, value]}
    if isinstance(value, Span):
        return shown_tracks([track for track in value.tracks if track.times])
    vector = [{"metric": sample.labels, "value": [at_s, written(sample.value)]} for sample in value]
    return {"resultType": "vector", "result": vector}
