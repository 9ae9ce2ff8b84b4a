"""
Watch over HTTP: one JSON object and a newline per change, for as long as the client listens.

Also bookmarks (so that a quiet watcher's version does not grow old) and WatchList (what exists first, then a bookmark
that says so, then changes).
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from aiohttp import web

from drillyard.base.clock import Clock
from drillyard.cluster.apiserver import conversion, status, tables
from drillyard.cluster.apiserver.pages import version_of
from drillyard.cluster.apiserver.reading import object_bytes, selection_of
from drillyard.cluster.apiserver.request import ApiRequest, Form, is_true, seconds
from drillyard.cluster.apiserver.selection import Selection, selected_changes
from drillyard.cluster.apiserver.store import Store, Stored, Watcher
from drillyard.cluster.client import ApiError, Object

_DURATION_S = 3600
_BOOKMARK_EVERY_S = 30.0


class WatchStream:
    """One client's watch."""

    def __init__(self, request: ApiRequest, store: Store, form: Form, query: Mapping[str, str], clock: Clock) -> None:
        self._request, self._store, self._form, self._query, self._clock = request, store, form, query, clock
        self._resource = request.resource
        self._columns_sent = False

    async def serve(self, http: web.BaseRequest) -> web.StreamResponse:
        """Streams until the time is over, the client goes, or the server stops. Raises ApiError for bad options."""
        chosen = selection_of(self._resource, self._query)
        since, initial = self._start()
        duration_s = seconds(self._query, "timeoutSeconds") or _DURATION_S
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        )
        try:
            watcher = self._store.watch(self._resource.key, self._request.namespace or None, since)
        except ApiError as refused:
            await response.prepare(http)
            await response.write(_line(b"ERROR", orjson.dumps(status.status_of(refused))))
            await response.write_eof()
            return response
        try:
            existing = self._store.list(self._resource.key, self._request.namespace or None) if initial else []
            version = self._store.version
            await response.prepare(http)
            for stored in existing:
                if chosen.sees(stored):
                    await response.write(self._event(b"ADDED", stored))
            if is_true(self._query.get("sendInitialEvents", "false")):
                await response.write(self._bookmark(version, initial_end=True))
            await self._follow(response, watcher, chosen, duration_s)
        finally:
            watcher.close()
        await response.write_eof()
        return response

    def _start(self) -> tuple[int, bool]:
        """The version to watch from, and whether what exists comes first."""
        asked, initial = version_of(self._query), self._query.get("sendInitialEvents")
        match = self._query.get("resourceVersionMatch", "")
        if initial is not None and match != "NotOlderThan":
            detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            problem = status.Cause("resourceVersionMatch", f"Forbidden: {detail}")
            raise status.invalid("meta.k8s.io", "ListOptions", "", [problem])
        if initial is None and match:
            detail = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
            raise status.invalid(
                "meta.k8s.io", "ListOptions", "", [status.forbidden_field("resourceVersionMatch", detail)]
            )
        if is_true(initial) or (initial is None and asked == 0):
            return max(asked, self._store.version), True
        return asked or self._store.version, False

    async def _follow(
        self, response: web.StreamResponse, watcher: Watcher, chosen: Selection, duration_s: float
    ) -> None:
        bookmarks = is_true(self._query.get("allowWatchBookmarks", "false"))
        end = self._clock.monotonic_s() + duration_s
        while (left_s := end - self._clock.monotonic_s()) > 0:
            try:
                change = await watcher.next(min(left_s, _BOOKMARK_EVERY_S))
            except TimeoutError:
                if bookmarks:
                    await response.write(self._bookmark(self._store.version))
                continue
            if change is None:
                return
            for kind, stored in selected_changes(change, chosen):
                await response.write(self._event(kind.encode(), stored))

    def _event(self, kind: bytes, stored: Stored) -> bytes:
        if self._form == "json":
            return _line(kind, object_bytes(self._resource, stored))
        obj = conversion.from_storage(self._resource, stored.obj)
        if self._form == "partial":
            return _line(kind, orjson.dumps(tables.partial(obj)))
        include = self._query.get("includeObject", "Metadata")
        row = tables.row_of(self._resource, stored.obj, obj, include, self._clock.now())
        shown = tables.table(
            self._resource, [row], {"resourceVersion": str(stored.version)}, columns=not self._columns_sent
        )
        self._columns_sent = True
        return _line(kind, orjson.dumps(shown))

    def _bookmark(self, version: int, *, initial_end: bool = False) -> bytes:
        metadata: Object = {"resourceVersion": str(version), "creationTimestamp": None}
        if initial_end:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        obj: Object = {"kind": self._resource.kind, "apiVersion": self._resource.api_version, "metadata": metadata}
        if self._form == "table":
            obj = tables.table(self._resource, [], {"resourceVersion": str(version)}, columns=not self._columns_sent)
            obj["rows"] = [
                {
                    "cells": [],
                    "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata},
                }
            ]
        return _line(b"BOOKMARK", orjson.dumps(obj))


def _line(kind: bytes, obj: bytes) -> bytes:
    return b'{"type":"' + kind + b'","object":' + obj + b"}\n"
