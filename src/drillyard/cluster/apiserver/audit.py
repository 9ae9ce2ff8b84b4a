"""
The audit log: who asked what of the API over HTTP, when, and what came of it. One `Event` of audit.k8s.io/v1 a line.

Level Metadata: bodies, headers and tokens never get into it, so no secret does. It is written for judging an exam
afterwards, so reads are in it too. What lasts (a watch, a log, an exec) is told when it begins as well, since it may
outlast the exam. Two files of a few megabytes at most; older requests are forgotten.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

import orjson
from aiohttp import web

from drillyard.base.clock import Clock
from drillyard.cluster.apiserver.auth import User
from drillyard.cluster.apiserver.rbac import Attributes
from drillyard.cluster.client import Object
from drillyard.cluster.timestamps import micro_time_of

FILE_BYTES_MAX = 8_000_000

_log = logging.getLogger(__name__)


@dataclass
class AuditEvent:
    """One request, filled in as it becomes known. `acting` is whom the user impersonated."""

    http: web.BaseRequest
    received: datetime
    audit_id: str
    user: User | None = None
    acting: User | None = None
    asked: Attributes | None = None

    def told(self, stage: str, now: datetime, code: int | None) -> Object:
        """The Event at that stage; without a code nothing was answered yet."""
        event: Object = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Metadata",
            "auditID": self.audit_id,
            "stage": stage,
            "requestURI": self.http.path_qs,
            "verb": self.asked.verb if self.asked else self.http.method.lower(),
            "user": _info(self.user) if self.user else {},
        }
        if self.acting is not None:
            event["impersonatedUser"] = _info(self.acting)
        event["sourceIPs"] = [self.http.remote or ""]
        event["userAgent"] = self.http.headers.get("User-Agent", "")
        if self.asked and self.asked.resource:
            event["objectRef"] = _reference(self.asked)
        if code is not None:
            event["responseStatus"] = {"metadata": {}, "code": code}
        event["requestReceivedTimestamp"] = micro_time_of(self.received)
        event["stageTimestamp"] = micro_time_of(now)
        return event


class AuditLog:
    """Appends to a file; without one it forgets. A full disk is logged once and does not stop the server."""

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._file: IO[bytes] | None = path.open("ab", buffering=0) if path else None
        self._broken = False

    def event(self, http: web.BaseRequest) -> AuditEvent:
        """For a request that has just come in."""
        return AuditEvent(http, self._clock.now(), str(uuid.uuid4()))

    def begun(self, event: AuditEvent) -> None:
        """A request that may last long is about to be answered."""
        self._write(event, "RequestReceived", None)

    def finished(self, event: AuditEvent, code: int) -> None:
        self._write(event, "ResponseComplete", code)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, event: AuditEvent, stage: str, code: int | None) -> None:
        if self._file is None or self._path is None:
            return
        try:
            self._file.write(orjson.dumps(event.told(stage, self._clock.now(), code)) + b"\n")
            if self._file.tell() > FILE_BYTES_MAX:
                self._file.close()
                self._path.replace(_older(self._path))
                self._file = self._path.open("ab", buffering=0)
        except OSError as failed:
            if not self._broken:
                _log.warning("the audit log cannot be written: %s", failed)
            self._broken = True


def read(path: Path, *, user: str = "") -> Iterator[Object]:
    """The events in a log's two files, oldest first; of one user only, where one is named. A torn line is left out."""
    for part in (_older(path), path):
        if not part.exists():
            continue
        for line in part.read_bytes().splitlines():
            try:
                event: Object = orjson.loads(line)
            except ValueError:
                continue
            if not user or event["user"].get("username") == user:
                yield event


def _older(path: Path) -> Path:
    return path.with_name(path.name + ".1")


def _info(user: User) -> Object:
    return {"username": user.name, "groups": list(user.all_groups)}


def _reference(asked: Attributes) -> Object:
    plural, _, below = asked.resource.partition("/")
    reference = {
        "resource": plural,
        "namespace": asked.namespace,
        "name": asked.name,
        "apiGroup": asked.group,
        "subresource": below,
    }
    return {name: value for name, value in reference.items() if value}
