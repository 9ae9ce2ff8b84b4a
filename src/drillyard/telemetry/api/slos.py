"""
Service level objectives: `/api/v1/slo`, their search and history.

A success never holds the key `errors`: Datadog's older Python client takes it for a failure.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.telemetry.api.answers import ApiError, answer
from drillyard.telemetry.api.body import read_object
from drillyard.telemetry.api.fields import needed_text, text, texts, whole_number
from drillyard.telemetry.slos.definition import TYPES, changed_slo, new_slo
from drillyard.telemetry.slos.history import Counts, Uptime, budget_left, count, uptime
from drillyard.telemetry.telemetry import Telemetry

Json = dict[str, Any]
TIME_MAX_S = 4_000_000_000


def routes(telemetry: Telemetry) -> list[Route]:
    """The paths of this surface."""
    surface = _Slos(telemetry)
    return [
        Route("/api/v1/slo", surface.listing, methods=["GET"]),
        Route("/api/v1/slo", surface.create, methods=["POST"]),
        Route("/api/v1/slo/search", surface.search, methods=["GET"]),
        Route("/api/v1/slo/can_delete", surface.can_delete, methods=["GET"]),
        Route("/api/v1/slo/{id}", surface.get, methods=["GET"]),
        Route("/api/v1/slo/{id}", surface.change, methods=["PUT"]),
        Route("/api/v1/slo/{id}", surface.delete, methods=["DELETE"]),
        Route("/api/v1/slo/{id}/corrections", surface.corrections, methods=["GET"]),
        Route("/api/v1/slo/{id}/history", surface.history, methods=["GET"]),
    ]


class _Slos:
    """One method a call."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry, self._shelf = telemetry, telemetry.slos

    def now_s(self) -> int:
        return self._telemetry.now_ms() // 1000

    def known(self, identity: str) -> Json:
        found = self._shelf.get(identity)
        if found is None:
            raise ApiError(404, f"SLO not found: {identity[:50]}")
        return found

    def monitors(self) -> set[int]:
        return {monitor["id"] for monitor in self._telemetry.monitors.all()}

    def found(self, given: Json) -> list[Json]:
        ids, words, tags = texts(given, "ids"), text(given, "query").lower(), texts(given, "tags_query")
        metric = text(given, "metrics_query")
        return [
            slo
            for slo in self._shelf.all()
            if (not ids or slo["id"] in ids)
            and words in slo["name"].lower()
            and all(tag in slo["tags"] for tag in tags)
            and metric in " ".join(slo.get("query", {}).values())
        ]

    async def listing(self, request: Request) -> Response:
        given = dict(request.query_params)
        found = self.found(given)
        start, limit = whole_number(given, "offset", 0, 0, 1_000_000), whole_number(given, "limit", 1_000, 1, 1_000)
        page = {"total_count": len(self._shelf.all()), "total_filtered_count": len(found)}
        return answer({"data": found[start : start + limit], "error": None, "metadata": {"page": page}})

    async def create(self, request: Request) -> Response:
        made = new_slo(await read_object(request), self.monitors(), self.now_s())
        return answer({"data": [self._shelf.put(made["id"], made)], "error": None})

    async def get(self, request: Request) -> Response:
        return answer({"data": self.known(request.path_params["id"]), "error": None})

    async def change(self, request: Request) -> Response:
        before = self.known(request.path_params["id"])
        made = changed_slo(before, await read_object(request), self.monitors(), self.now_s())
        return answer({"data": [self._shelf.put(made["id"], made)], "error": None})

    async def delete(self, request: Request) -> Response:
        identity = self.known(request.path_params["id"])["id"]
        self._shelf.take(identity)
        return answer({"data": [identity], "error": None})

    async def can_delete(self, request: Request) -> Response:
        """Nothing here hangs on an SLO."""
        ids = texts({"ids": needed_text(dict(request.query_params), "ids")}, "ids")
        return answer({"data": {"ok": [self.known(identity)["id"] for identity in ids]}, "error": None})

    async def corrections(self, request: Request) -> Response:
        """None can be made."""
        self.known(request.path_params["id"])
        return answer({"data": []})

    async def search(self, request: Request) -> Response:
        given = dict(request.query_params)
        words = text(given, "query").lower().split()
        found = [slo for slo in self._shelf.all() if all(_fits(slo, word) for word in words)]
        size, number = whole_number(given, "page[size]", 10, 1, 1_000), whole_number(given, "page[number]", 0, 0, 10**6)
        shown = [{"data": _row(slo)} for slo in found[number * size : (number + 1) * size]]
        last = max(0, -(-len(found) // size) - 1)
        pages = {"first_number": 0, "last_number": last, "next_number": min(number + 1, last), "number": number}
        pages |= {"prev_number": max(0, number - 1), "size": size, "total": len(found)}
        data = {"type": "", "attributes": {"facets": {}, "slos": shown}}
        return answer({"data": data, "meta": {"pagination": pages | {"type": "number_size"}}})

    async def history(self, request: Request) -> Response:
        given, slo = dict(request.query_params), self.known(request.path_params["id"])
        for name in ("from_ts", "to_ts"):
            needed_text(given, name)
        from_s, to_s = (whole_number(given, name, 0, 0, TIME_MAX_S) for name in ("from_ts", "to_ts"))
        if from_s >= to_s:
            raise ApiError(400, "The time span is empty: from_ts is not before to_ts.")
        shown = await self._telemetry.read(lambda: self.past(slo, from_s, min(to_s, self.now_s())))
        thresholds = {one["timeframe"]: one for one in slo["thresholds"]}
        kind = {"type": slo["type"], "type_id": TYPES[slo["type"]]}
        return answer({"data": kind | {"from_ts": from_s, "to_ts": to_s, "thresholds": thresholds} | shown})

    def past(self, slo: Json, from_s: int, to_s: int) -> Json:
        if slo["type"] == "metric":
            counts = count(slo["query"], self._telemetry.metrics.series, from_s, to_s)
            return {"overall": _value(slo, slo["name"], counts.percent), "series": _series(slo, counts)}
        every = [one for one in self._telemetry.monitors.all() if one["id"] in slo["monitor_ids"]]
        parts = [uptime(one, slo.get("groups", ()), self._telemetry.events, from_s, to_s) for one in every]
        measured = [part for part in parts if part.percent is not None]
        asked, bad = sum(part.asked_s for part in measured), sum(part.bad_s for part in measured)
        rows = [_monitor(slo, one, part) for one, part in zip(every, parts, strict=True)]
        return {"overall": _value(slo, slo["name"], Uptime(asked, bad).percent), "monitors": rows}


def _value(slo: Json, name: str, percent: float | None) -> Json:
    frames = slo["thresholds"]
    left = {one["timeframe"]: budget_left(percent, one["target"]) for one in frames}
    return {
        "name": name,
        "sli_value": percent,
        "span_precision": 2,
        "precision": {one["timeframe"]: 2 for one in frames},
        "error_budget_remaining": {frame: value for frame, value in left.items() if value is not None},
    }


def _monitor(slo: Json, monitor: Json, part: Uptime) -> Json:
    shown = _value(slo, monitor["name"], part.percent) | {
        "precision": 2,
        "history": [list(turn) for turn in part.turns],
    }
    if part.percent is not None:
        shown["uptime"] = part.percent
    return shown | {"monitor_type": monitor["type"]}


def _series(slo: Json, counts: Counts) -> Json:
    sides = {
        name: {"count": len(values), "sum": sum(values), "values": list(values)}
        for name, values in (("numerator", counts.good), ("denominator", counts.total))
    }
    query = f"{slo['query']['numerator']}, {slo['query']['denominator']}"
    times = [time * 1000 for time in counts.times]
    return sides | {
        "res_type": "time_series",
        "resp_version": 2,
        "interval": counts.interval_s,
        "query": query,
        "message": "",
        "times": times,
    }


def _fits(slo: Json, word: str) -> bool:
    """Whether a word of a search is in the name, a tag, or the type (`slo_type:metric`)."""
    known = (slo["name"].lower(), f"slo_type:{slo['type']}", *(tag.lower() for tag in slo["tags"]))
    return any(word.strip('"') in part for part in known)


def _row(slo: Json) -> Json:
    """An SLO as the search shows it."""
    same = ("name", "description", "thresholds", "query", "monitor_ids", "groups", "created_at", "modified_at")
    shown = {name: slo[name] for name in same if name in slo}
    creator = {"name": slo["creator"]["name"], "email": slo["creator"]["email"]}
    tags = {
        f"{key}_tags": [tag for tag in slo["tags"] if tag.startswith(f"{key}:")] for key in ("env", "service", "team")
    }
    shown |= {"slo_type": slo["type"], "all_tags": slo["tags"], "creator": creator} | tags
    return {"id": slo["id"], "type": "slo", "attributes": shown}
