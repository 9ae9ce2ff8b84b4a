"""
The pods that the agent knows, and for a while those that are gone: their last lines still want tags.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from drillyard.base.clock import Clock
from drillyard.telemetry.agent.kubernetes import Object
from drillyard.telemetry.agent.rules import NO_RULES, Rules
from drillyard.telemetry.agent.tags import Origin, origin, path_origin
from drillyard.telemetry.agent.tail import Source

KEEP_GONE_S = 600.0
UNKNOWN_WAIT_S = 2.0
"""A line of a pod not heard of yet waits so long for its tags."""


class Pods:
    """A Sink for `/api/v1/pods`. `changes` is set whenever something changed."""

    def __init__(self, clock: Clock, cluster_name: str, rules: Rules = NO_RULES) -> None:
        self._clock = clock
        self._cluster_name = cluster_name
        self._rules = rules
        self._pods: dict[str, Object] = {}
        self._gone: dict[str, float] = {}
        self._origins: dict[Source, Origin] = {}
        self._waited_since: dict[str, float] = {}
        self.known = False
        self.changes = asyncio.Event()

    def listed(self, objects: list[Object]) -> None:
        """These pods exist."""
        present = {pod["metadata"]["uid"] for pod in objects}
        for uid in self._pods.keys() - present - self._gone.keys():
            self._gone[uid] = self._clock.monotonic_s()
        for pod in objects:
            self._keep(pod)
        self.known = True
        self.changes.set()

    def changed(self, kind: str, found: Object) -> None:
        """One pod came, changed or went."""
        self._keep(found)
        if kind == "DELETED":
            self._gone[found["metadata"]["uid"]] = self._clock.monotonic_s()
        self._forget_old()
        self.changes.set()

    def _keep(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        self._pods[uid] = pod
        self._gone.pop(uid, None)
        self._waited_since.pop(uid, None)
        for source in [source for source in self._origins if source.uid == uid]:
            del self._origins[source]

    def _forget_old(self) -> None:
        limit_s = self._clock.monotonic_s() - KEEP_GONE_S
        for uid in [uid for uid, gone_s in self._gone.items() if gone_s < limit_s]:
            del self._gone[uid]
            self._pods.pop(uid, None)
            for source in [source for source in self._origins if source.uid == uid]:
                del self._origins[source]

    def present(self) -> Iterator[Object]:
        """The pods that exist."""
        return (pod for uid, pod in self._pods.items() if uid not in self._gone)

    def find(self, uid: str) -> dict[str, Any] | None:
        """A pod that exists or existed lately."""
        return self._pods.get(uid)

    def origin(self, source: Source) -> Origin | None:
        """Tags for a file's lines; None while its pod may still be announced."""
        found = self._origins.get(source)
        if found:
            return found
        pod = self._pods.get(source.uid)
        if pod is None:
            since_s = self._waited_since.setdefault(source.uid, self._clock.monotonic_s())
            if self._clock.monotonic_s() - since_s < UNKNOWN_WAIT_S:
                return None
            made = path_origin(source.namespace, source.pod, source.container, self._cluster_name)
            return replace(made, rules=self._rules)
        made = origin(pod, source.container, self._cluster_name)
        made = self._origins[source] = replace(made, rules=self._rules + made.rules)
        return made
