"""
Objects, versions, and one ordered stream of changes per watcher.

Every write gets the next version of the whole store. A watcher that comes back with an old version gets every change
since, or is told (410) to list again: the last 2,000 changes are kept. A watcher that falls further behind than that is
closed rather than let its queue grow. A stored object is never changed in place: readers may hold on to it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from drillyard.cluster.apiserver.status import expired, version_too_large
from drillyard.cluster.client import Object

HISTORY_MAX = 2_000
BACKLOG_MAX = 2_000

ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]


class Stored:
    """One version of one object, without kind and apiVersion: those are said by the view that is asked for."""

    __slots__ = ("_obj", "_raw", "name", "namespace", "version")

    def __init__(self, obj: Object, version: int) -> None:
        self._obj: Object | None = obj
        self.version = version
        metadata = obj["metadata"]
        self.namespace: str = metadata.get("namespace", "")
        self.name: str = metadata["name"]
        self._raw: bytes | None = None

    @property
    def obj(self) -> Object:
        """To read, and never to change."""
        if self._obj is None:
            superseded: Object = orjson.loads(self.raw)
            return superseded
        return self._obj

    @property
    def raw(self) -> bytes:
        """The JSON text, made once."""
        if self._raw is None:
            self._raw = orjson.dumps(self._obj)
        return self._raw

    def compact(self) -> None:
        """Keeps the text alone, a fifth of the size: only history and late watchers look at a superseded version."""
        self._raw = self.raw
        self._obj = None

    def copy(self) -> Any:
        """A copy that may be changed."""
        return orjson.loads(self.raw)


@dataclass(frozen=True, slots=True)
class Change:
    """One write. `new` of a DELETED change is the object as last seen, with the version of the deletion."""

    type: ChangeType
    key: str
    new: Stored
    old: Stored | None


class Watcher:
    """The changes of one kind from some version on. Iterate with `next`; `close` when done."""

    def __init__(self, store: Store, key: str, namespace: str | None, replay: list[Change]) -> None:
        self._store, self._key, self._namespace = store, key, namespace
        self._backlog: deque[Change] = deque(replay)
        self._news = asyncio.Event()
        self.closed = False

    def offer(self, change: Change) -> None:
        if change.key != self._key or (self._namespace is not None and change.new.namespace != self._namespace):
            return
        if len(self._backlog) >= BACKLOG_MAX:
            self.close()
        else:
            self._backlog.append(change)
        self._news.set()

    async def next(self, timeout_s: float | None = None) -> Change | None:
        """The next change, in order; None once closed. Raises TimeoutError when nothing comes in time."""
        while not self._backlog:
            if self.closed:
                return None
            self._news.clear()
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        return self._backlog.popleft()

    def close(self) -> None:
        self.closed = True
        self._news.set()
        self._store.forget(self)


class Store:
    """All objects of the cluster, by storage key ("pods"), namespace ("" for none) and name."""

    def __init__(self, first_version: int = 1) -> None:
        self.version = first_version
        self.oldest = first_version  # A watch from any version from here on can be served.
        self._objects: dict[str, dict[tuple[str, str], Stored]] = {}
        self._history: deque[Change] = deque()
        self._watchers: set[Watcher] = set()
        self._closed = False

    def get(self, key: str, namespace: str, name: str) -> Stored | None:
        return self._objects.get(key, {}).get((namespace, name))

    def remembers(self, version: int) -> bool:
        """True when the store can still say what it held at that version, and all changes since."""
        return self.oldest <= version <= self.version

    def list_at(self, key: str, namespace: str | None, version: int) -> list[Stored]:
        """The objects of a kind at a version that the store remembers, by namespace and name."""
        then = dict(self._objects.get(key, {}))
        for change in reversed(self._history):
            if change.new.version <= version:
                break
            if change.key == key:
                at = (change.new.namespace, change.new.name)
                if change.old is None:
                    then.pop(at, None)
                else:
                    then[at] = change.old
        return [then[at] for at in sorted(then) if namespace is None or at[0] == namespace]

    def list(self, key: str, namespace: str | None = None) -> list[Stored]:
        """The objects of a kind now, in the same order."""
        return self.list_at(key, namespace, self.version)

    def keys(self) -> Iterator[str]:
        return iter(tuple(self._objects))

    def put(self, key: str, obj: Object) -> Stored:
        """Stores a new object or a new version; sets `metadata.resourceVersion`. The store owns `obj` from now on."""
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        stored = Stored(obj, self.version)
        of_kind = self._objects.setdefault(key, {})
        old = of_kind.get((stored.namespace, stored.name))
        of_kind[stored.namespace, stored.name] = stored
        if old is not None:
            old.compact()
        # Sent before the object is stored, a watcher could see one that a GET does not find. So: store, then send.
        self._announce(Change("MODIFIED" if old else "ADDED", key, stored, old))
        return stored

    def remove(self, key: str, namespace: str, name: str) -> Stored:
        """Takes the object out and returns it with the version of its deletion. Raises KeyError."""
        old = self._objects[key].pop((namespace, name))
        self.version += 1
        last = old.copy()
        last["metadata"]["resourceVersion"] = str(self.version)
        gone = Stored(last, self.version)
        old.compact()
        gone.compact()
        self._announce(Change("DELETED", key, gone, old))
        return gone

    def watch(self, key: str, namespace: str | None, since: int) -> Watcher:
        """Changes after version `since`. Raises ApiError: 410 for a version too old, 504 for one of the future."""
        if since > self.version:
            raise version_too_large(since, self.version)
        if since < self.oldest:
            raise expired(since, self.oldest)
        replay = [
            change
            for change in self._history
            if change.new.version > since
            and change.key == key
            and (namespace is None or change.new.namespace == namespace)
        ]
        watcher = Watcher(self, key, namespace, replay)
        self._watchers.add(watcher)
        if self._closed:
            watcher.close()
        return watcher

    @property
    def watchers(self) -> int:
        """How many there are now."""
        return len(self._watchers)

    def forget(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    def close(self) -> None:
        """Ends every watch; objects stay readable."""
        self._closed = True
        for watcher in tuple(self._watchers):
            watcher.close()

    def _announce(self, change: Change) -> None:
        self._history.append(change)
        if len(self._history) > HISTORY_MAX:
            self.oldest = self._history.popleft().new.version
        for watcher in tuple(self._watchers):
            watcher.offer(change)
