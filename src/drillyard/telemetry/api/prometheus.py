"""
Prometheus' HTTP API under `/prometheus`: queries, series, labels.

Its errors have Prometheus' form, `{"status": "error", "errorType": …, "error": …}`; its key is the application key, as
a bearer token, or as the password of basic authentication.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from drillyard.base.errors import DrillyardError
from drillyard.telemetry.api.answers import answer
from drillyard.telemetry.api.body import read_body
from drillyard.telemetry.prometheus.evaluate import Evaluation, selector_matchers
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
        Route(f"{api}/query", _answering(surface.query), methods=both),
        Route(f"{api}/query_range", _answering(surface.query_range), methods=both),
        Route(f"{api}/series", _answering(surface.series), methods=both),
        Route(f"{api}/labels", _answering(surface.labels), methods=both),
        Route(f"{api}/label/{{name}}/values", _answering(surface.values), methods=["GET"]),
        Route(f"{api}/metadata", _answering(surface.metadata), methods=["GET"]),
        Route(f"{api}/rules", _answering(surface.empty_rules), methods=["GET"]),
        Route(f"{api}/alerts", _answering(surface.empty_alerts), methods=["GET"]),
        Route(f"{api}/targets", _answering(surface.no_targets), methods=["GET"]),
        Route(f"{api}/status/buildinfo", _answering(surface.build), methods=["GET"]),
        Route(f"{PREFIX}/-/healthy", surface.healthy, methods=["GET"]),
        Route(f"{PREFIX}/-/ready", surface.healthy, methods=["GET"]),
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
        return await self.found(form)

    async def labels(self, request: Request) -> Any:
        return sorted({name for labels in await self.found(await _form(request)) for name in labels})

    async def values(self, request: Request) -> Any:
        name = request.path_params["name"]
        return sorted({labels[name] for labels in await self.found(await _form(request)) if name in labels})

    async def metadata(self, _: Request) -> Any:
        names = {labels[NAME] for labels in await self.found({})}
        return {name: [{"type": "gauge", "help": "", "unit": ""}] for name in sorted(names)}

    async def build(self, _: Request) -> Any:
        return {"version": "drillyard", "revision": "", "branch": "", "buildUser": "", "buildDate": "", "goVersion": ""}

    async def empty_rules(self, _: Request) -> Any:
        return {"groups": []}

    async def empty_alerts(self, _: Request) -> Any:
        return {"alerts": []}

    async def no_targets(self, _: Request) -> Any:
        """The agent scrapes, not this server."""
        return {"activeTargets": [], "droppedTargets": [], "droppedTargetCounts": {}}

    async def healthy(self, _: Request) -> Response:
        return PlainTextResponse("Prometheus-compatible API is healthy.\n")


def _answering(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
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
    return moment_s


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
