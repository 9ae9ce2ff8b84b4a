"""
Kubernetes events in the form in which Datadog's agent forwards them.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from drillyard.base.clock import Clock
from drillyard.base.files import write_atomically
from drillyard.telemetry.agent.intake import Delivery, Intake
from drillyard.telemetry.agent.kubernetes import Object
from drillyard.telemetry.agent.pods import Pods
from drillyard.telemetry.agent.stats import Stats
from drillyard.telemetry.agent.tags import deployment_of, pod_tags

WAITING_MAX = 2_000
REMEMBERED_MAX = 5_000
RETRY_FIRST_S = 0.25
RETRY_MOST_S = 5.0


class EventForwarder:
    """A Sink for `/api/v1/events`. Each event, and each repetition of one, is sent once, over restarts too."""

    def __init__(
        self, intake: Intake, api_url: str, hostname: str, pods: Pods, memory: Path, stats: Stats, clock: Clock
    ) -> None:
        self._intake = intake
        self._url = f"{api_url}/api/v1/events"
        self._hostname = hostname
        self._pods = pods
        self._memory = memory
        self._stats = stats
        self._clock = clock
        self._sent: dict[str, int] = _read(memory)
        self._waiting: dict[str, Object] = {}
        self._work = asyncio.Event()

    def listed(self, objects: list[Object]) -> None:
        """What has happened so far."""
        for found in sorted(objects, key=_seconds):
            self.changed("ADDED", found)

    def changed(self, kind: str, found: Object) -> None:
        """An event came, or came again."""
        uid = found["metadata"]["uid"]
        fresh = kind != "DELETED" and _count(found) > self._sent.get(uid, 0)
        if fresh and (uid in self._waiting or len(self._waiting) < WAITING_MAX):
            self._waiting[uid] = found
            self._work.set()

    async def run(self) -> None:
        """Sends for ever."""
        retry_s = RETRY_FIRST_S
        while True:
            if not self._waiting:
                self._work.clear()
                await self._work.wait()
            uid, found = next(iter(self._waiting.items()))
            body = datadog_event(found, self._hostname, self._pods)
            if await self._intake.post_json(self._url, body) is Delivery.LATER:
                await self._clock.sleep(retry_s)
                retry_s = min(retry_s * 2, RETRY_MOST_S)
                continue
            retry_s = RETRY_FIRST_S
            if self._waiting.get(uid) is found:
                del self._waiting[uid]
            self._stats.events_sent += 1
            self._remember(uid, _count(found))

    def _remember(self, uid: str, count: int) -> None:
        self._sent.pop(uid, None)
        self._sent[uid] = count
        while len(self._sent) > REMEMBERED_MAX:
            del self._sent[next(iter(self._sent))]
        with contextlib.suppress(OSError):  # A full disk: an agent that starts again may send an event twice.
            write_atomically(self._memory, orjson.dumps(self._sent))


def datadog_event(found: Object, hostname: str, pods: Pods) -> dict[str, Any]:
    """The body for `POST /api/v1/events`."""
    about = found.get("involvedObject") or {}
    kind, name, namespace = (str(about.get(key) or "") for key in ("kind", "name", "namespace"))
    reason, component = str(found.get("reason") or ""), _component(found)
    first, last = str(found.get("firstTimestamp") or ""), str(found.get("lastTimestamp") or "")
    place = f"{namespace}/{name}" if namespace else name
    text = (
        f"%%% \n{_count(found)} **{reason}**: {found.get('message') or ''}\n \n"
        f" _Events emitted by the {component} seen at {last} since {first}_ \n\n %%%"
    )
    return {
        "title": f"Events from the {kind} {place}",
        "text": text,
        "tags": event_tags(found, pods),
        "alert_type": "warning" if found.get("type") == "Warning" else "info",
        "priority": "normal",
        "source_type_name": "kubernetes",
        "date_happened": _seconds(found),
        "aggregation_key": f"kubernetes_apiserver:{about.get('uid') or ''}",
        "host": hostname,
    }


def event_tags(found: Object, pods: Pods) -> list[str]:
    """The object's tags, and those of its pod."""
    about = found.get("involvedObject") or {}
    kind, name, namespace = (str(about.get(key) or "") for key in ("kind", "name", "namespace"))
    tags = [
        f"kube_kind:{kind}",
        f"kubernetes_kind:{kind}",
        f"kube_name:{name}",
        f"name:{name}",
        f"source_component:{_component(found)}",
        f"reporting_controller:{found.get('reportingComponent') or _component(found)}",
        f"event_reason:{found.get('reason') or ''}",
        "orchestrator:kubernetes",
    ]
    if namespace:
        tags += [f"kube_namespace:{namespace}", f"namespace:{namespace}"]
    pod = pods.find(str(about.get("uid") or ""))
    if pod:
        tags += pod_tags(pod, "")
    elif kind == "Pod":
        tags.append(f"pod_name:{name}")
    elif kind == "Deployment":
        tags.append(f"kube_deployment:{name}")
    elif kind == "ReplicaSet":
        tags += [f"kube_replica_set:{name}", f"kube_deployment:{deployment_of(name, {})}"]
    return list(dict.fromkeys(tags))


def _component(found: Object) -> str:
    return str((found.get("source") or {}).get("component") or found.get("reportingComponent") or "unknown")


def _count(found: Object) -> int:
    return int(found.get("count") or (found.get("series") or {}).get("count") or 1)


def _seconds(found: Object) -> int:
    """When it happened last, in Unix seconds."""
    stamps = (found.get("lastTimestamp"), found.get("eventTime"), found["metadata"].get("creationTimestamp"))
    for stamp in stamps:
        if stamp:
            return int(datetime.fromisoformat(str(stamp)).timestamp())
    return 0


def _read(path: Path) -> dict[str, int]:
    try:
        return {str(uid): int(count) for uid, count in orjson.loads(path.read_bytes()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
