"""
The ready set of log pipelines: what makes ERROR and WARN of the shop searchable as a status.

A fresh yard has none, as the documents found it: every Spring line is info, every Go line (stderr) is an error. The
first pipeline is the document's own Grok rule with the name that it lacks, and with `[orders,,,]` and padded threads
taken, too. The second reads go-kit lines. A go-kit health line becomes info: its `result` counts components and never
changed when a database was gone, so it must not be read as a verdict in either direction.
Pipelines act on new logs only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drillyard.yard.datadog import DatadogClient

SPRING_RULE = (
    r'spring_boot %{date("yyyy-MM-dd HH:mm:ss.SSS"):timestamp}\s+%{word:level}\s+'
    r'\[%{regex("[^,]*"):service},%{regex("[^,]*"):trace_id},%{regex("[^,]*"):span_id},'
    r'%{regex("[^\\]]*"):trace_sampled}\]\s+%{number:process_id}\s+---\s+\[\s*%{regex("[^\\]]*"):thread_name}\]\s+'
    r"%{notSpace:logger_name}\s+:\s+%{data:message}"
)
GO_KIT_RULE = r'go_kit %{data::keyvalue("=",":")}'


def _grok(rule: str, sample: str) -> dict[str, Any]:
    return {
        "type": "grok-parser",
        "name": "read the line",
        "is_enabled": True,
        "source": "message",
        "samples": [sample],
        "grok": {"match_rules": rule, "support_rules": ""},
    }


def _status(source: str) -> dict[str, Any]:
    return {"type": "status-remapper", "name": "status", "is_enabled": True, "sources": [source]}


SPRING: dict[str, Any] = {
    "name": "Spring Boot level (drillyard)",
    "is_enabled": True,
    "filter": {"query": "kube_namespace:sock-shop kube_deployment:(orders OR carts OR shipping OR queue-master)"},
    "processors": [
        _grok(
            SPRING_RULE,
            "2025-10-28 10:04:45.548 ERROR [orders,,,] 1 --- [           main] w.w.s.o.OrderApplication : Stopped",
        ),
        _status("level"),
    ],
}

GO_KIT: dict[str, Any] = {
    "name": "go-kit level (drillyard)",
    "is_enabled": True,
    "filter": {"query": "kube_namespace:sock-shop kube_deployment:(catalogue OR user OR payment)"},
    "processors": [
        _grok(GO_KIT_RULE, "ts=2025-10-28T10:04:45Z caller=logging.go:36 method=Health result=1 took=91.245µs"),
        {
            "type": "category-processor",
            "name": "level of a line that states none",
            "is_enabled": True,
            "target": "log_level",
            "categories": [
                {"name": "error", "filter": {"query": "@level:error OR (-@level:* @err:* -@err:null)"}},
                {"name": "warn", "filter": {"query": "@level:warn*"}},
                {"name": "debug", "filter": {"query": "@level:debug"}},
                {"name": "info", "filter": {"query": "@ts:*"}},
            ],
        },
        _status("log_level"),
    ],
}

READY = (SPRING, GO_KIT)


@dataclass(frozen=True)
class Installed:
    """What became of one pipeline: `did` is installed, updated, unchanged or removed."""

    name: str
    did: str


async def install(datadog: DatadogClient) -> list[Installed]:
    """Puts the ready set in, by name: harmless twice. Raises DrillyardError when the telemetry refuses."""
    existing = {one["name"]: one for one in await datadog.pipelines()}
    done = []
    for wanted in READY:
        known = existing.get(wanted["name"])
        if known is None:
            await datadog.create_pipeline(wanted)
        elif not _holds(known, wanted):
            await datadog.replace_pipeline(known["id"], wanted)
        did = "installed" if known is None else "unchanged" if _holds(known, wanted) else "updated"
        done.append(Installed(wanted["name"], did))
    return done


async def remove(datadog: DatadogClient) -> list[Installed]:
    """Takes the ready set out again; other pipelines stay. Harmless twice."""
    names = {one["name"] for one in READY}
    done = []
    for known in await datadog.pipelines():
        if known["name"] in names:
            await datadog.delete_pipeline(known["id"])
            done.append(Installed(known["name"], "removed"))
    return done


def _holds(known: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there; an API adds defaults of its own."""
    if isinstance(wanted, dict):
        return isinstance(known, dict) and all(key in known and _holds(known[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        same_length = isinstance(known, list) and len(known) == len(wanted)
        return same_length and all(_holds(one, other) for one, other in zip(known, wanted, strict=True))
    return bool(known == wanted)
