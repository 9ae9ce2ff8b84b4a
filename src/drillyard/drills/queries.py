"""
Runs an incident's detection queries as its document prints them, and in corrected form, and keeps what each returned.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from drillyard.base.clock import rfc3339
from drillyard.drills import expectations
from drillyard.drills.scene import Scene
from drillyard.incidents.schema import Query
from drillyard.record.verdicts import Check, judge_later
from drillyard.yard.datadog import Found

_SAMPLES = 3
_ITEMS_MAX = 1000


async def run_all(scene: Scene) -> None:
    """Runs them over the window since the fault was proven on; their results become the evidence `queries`."""
    end = scene.clock.now()
    rows: list[dict[str, Any]] = []
    for query in scene.incident.queries:
        # An event comes when the fault is put in, before it is proven on, and Kubernetes dates it in whole seconds.
        began = scene.started_at.replace(microsecond=0)
        start = began if query.kind == "events" else scene.fault_on_at or scene.started_at
        scene.note(await _run(scene, query, "document", query.query, query.expect, start, end, rows))
        if query.corrected and query.corrected_expect:
            scene.note(await _run(scene, query, "corrected", query.corrected, query.corrected_expect, start, end, rows))
    for number, row in enumerate(rows, start=1):
        # Each result is a file of its own, so that a link in the report opens it when the yard is long gone.
        row["results"] = f"query-{number}"
        scene.record.evidence(row["results"], {"query": row["query"], "count": row["count"], "items": row.pop("items")})
    scene.record.evidence("queries", rows)


async def _run(
    scene: Scene,
    query: Query,
    source: str,
    text: str,
    expect: str,
    start: datetime,
    end: datetime,
    rows: list[dict[str, Any]],
) -> Check:
    shown: dict[str, Any] = {}

    async def look() -> expectations.Seen:
        found = await _search(scene, query.kind, text, start, end)
        shown.update(
            {
                "title": query.title,
                "source": source,
                "query": text,
                "kind": query.kind,
                "from": rfc3339(start),
                "to": rfc3339(end),
                "count": found.count,
                "items": found.items[:_ITEMS_MAX],
                "explanation": query.reason if source == "document" else None,
                "samples": [_sample(query.kind, item) for item in found.items[:_SAMPLES]],
            }
        )
        return (found.count == 0) == (expect == "none"), f"{found.count} found by {text}"

    async def look_in_time() -> expectations.Seen:
        # What is there may still be on its way; what is not there was waited for before.
        try:
            return await (expectations.patiently(scene, look) if expect == "some" else look())
        finally:
            if shown:
                rows.append(shown)

    words = {"none": "finds nothing", "some": "finds something"}
    whose = "as the document prints it" if source == "document" else "corrected"
    claim = f"{query.title}, {whose}: {words[expect]}"
    return await judge_later(
        f"query-{'-'.join(query.title.lower().split())}-{source}", claim, words[expect], look_in_time
    )


async def _search(scene: Scene, kind: str, text: str, start: datetime, end: datetime) -> Found:
    datadog = scene.yard.datadog
    if kind == "containers":
        return await datadog.containers(text)
    if kind == "events":
        return await datadog.events(text, start, end)
    return await datadog.logs(text, start, end)


def _sample(kind: str, item: dict[str, Any]) -> str:
    attributes = item["attributes"]
    if kind == "containers":
        return str(attributes.get("name", ""))
    return f"{attributes.get('timestamp', '')} {attributes.get('message', '')}"[:300]
