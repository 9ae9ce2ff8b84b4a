"""
The audit log: who did what, and what came of it; one JSON object a line, at the level Metadata (audit.k8s.io/v1).

Bodies and tokens never get into it. It is written for judging an exam afterwards, so reads are in it too.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import IO

import orjson
from aiohttp import web

from drillyard.base.clock import Clock
from drillyard.cluster.apiserver.auth import User
from drillyard.cluster.apiserver.rbac import Attributes
from drillyard.cluster.timestamps import micro_time_of

_log = logging.getLogger(__name__)


class AuditLog:
    """Appends to a file; without one it forgets. A full disk is logged once and does not stop the server."""

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._clock = clock
        self._file: IO[bytes] | None = path.open("ab", buffering=0) if path else None
        self._broken = False

    def write(
        self,
        http: web.BaseRequest,
        user: User | None,
        asked: Attributes | None,
        code: int,
        *,
        acting: User | None = None,
    ) -> None:
        """One finished request. `acting` is whom the user impersonated."""
        if self._file is None:
            return
        event: dict[str, object] = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Metadata",
            "stage": "ResponseComplete",
            "requestURI": http.path_qs,
            "verb": asked.verb if asked else http.method.lower(),
            "user": {"username": user.name, "groups": list(user.all_groups)} if user else {},
            "sourceIPs": [http.remote or ""],
            "userAgent": http.headers.get("User-Agent", ""),
            "responseStatus": {"code": code},
            "stageTimestamp": micro_time_of(self._clock.now()),
        }
        if acting is not None:
            event["impersonatedUser"] = {"username": acting.name, "groups": list(acting.all_groups)}
        if asked and asked.resource:
            plural, _, below = asked.resource.partition("/")
            reference = {
                "resource": plural,
                "namespace": asked.namespace,
                "name": asked.name,
                "apiGroup": asked.group,
                "subresource": below,
            }
            event["objectRef"] = {name: value for name, value in reference.items() if value}
        try:
            self._file.write(orjson.dumps(event) + b"\n")
        except OSError as failed:
            if not self._broken:
                _log.warning("the audit log cannot be written: %s", failed)
            self._broken = True

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
