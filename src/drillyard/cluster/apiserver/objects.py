"""
The verbs of the API on stored objects: create, update, patch, delete. HTTP and LocalApi both come here.

Every verb is one synchronous step, so nobody sees half of it and no lock is needed. What goes in is completed, checked
and given its identity; what comes out is a copy. Refusals are ApiErrors in a real API server's words.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

from drillyard.base.clock import Clock
from drillyard.cluster.apiserver import apply, conversion, deletion, patch, schema, status, validation
from drillyard.cluster.apiserver.decoding import complete, decode, must_fit_path
from drillyard.cluster.apiserver.field_paths import applied_paths, difference
from drillyard.cluster.apiserver.managed_fields import Entry, entries_of, track_update, write_entries
from drillyard.cluster.apiserver.notices import notices
from drillyard.cluster.apiserver.options import DeleteRequest, WriteOptions
from drillyard.cluster.apiserver.store import Store, Stored
from drillyard.cluster.apiserver.strategy import Strategy
from drillyard.cluster.apiserver.subresources import bound, merge_subresource
from drillyard.cluster.client import ApiError, Object, PatchType
from drillyard.cluster.resources import Resource, named
from drillyard.cluster.timestamps import time_of

REPLICAS = ("f:spec", "f:replicas")


class Objects:
    """The objects of one cluster."""

    def __init__(self, store: Store, clock: Clock, source: random.Random) -> None:
        self.store = store
        self._clock = clock
        self._strategy = Strategy(store, clock, source)

    # Reading

    def stored(self, resource: Resource, namespace: str, name: str) -> Stored:
        found = self.store.get(resource.key, namespace if resource.namespaced else "", name)
        if found is None:
            raise status.not_found(resource, name)
        return found

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        return conversion.from_storage(resource, self.stored(resource, namespace, name).copy())

    # Writing

    def create(
        self,
        resource: Resource,
        namespace: str,
        obj: Object,
        options: WriteOptions,
        *,
        applied_by: Entry | None = None,
    ) -> Object:
        new = decode(resource, obj, options)
        metadata = new["metadata"]
        must_fit_path(resource, namespace, metadata)
        if not metadata.get("name"):
            if not metadata.get("generateName"):
                raise status.invalid(
                    resource.group,
                    resource.kind,
                    "",
                    [status.required("metadata.name", "name or generateName is required")],
                )
            metadata["name"] = self._strategy.name(metadata["generateName"])
        name = metadata["name"]
        if resource.namespaced:
            self._must_be_active(resource, metadata["namespace"], name)
        complete(resource, new)
        if causes := validation.check(resource.key, new):
            raise status.invalid(resource.group, resource.kind, name, causes)
        if self.store.get(resource.key, metadata.get("namespace", ""), name):
            raise status.already_exists(resource, name)
        options.warnings += notices(resource.key, new)
        writer = applied_by or self._writer(resource, options, "Update", "")
        if applied_by is None:  # What the server adds from here on is nobody's.
            writer.paths = difference({"metadata": {}}, new, _stored_schema(resource)).added
        self._strategy.identify(resource, new)
        write_entries(new, [writer])
        return self._commit(resource, new, None, options)

    def apply(
        self, resource: Resource, namespace: str, name: str, applied: Object, options: WriteOptions
    ) -> tuple[Object, bool]:
        """Server-side apply; also says whether it created the object."""
        apply.must_have_manager(options.manager)
        writer = self._writer(resource, options, "Apply", "")
        applied = decode(resource, applied, options)
        if "managedFields" in applied["metadata"]:
            raise status.bad_request("metadata.managedFields must be nil")
        if (meant := applied["metadata"].setdefault("name", name)) != name:
            raise status.bad_request(f"the name of the object ({meant}) does not match the name on the URL ({name})")
        old = self.store.get(resource.key, namespace if resource.namespaced else "", name)
        node = _stored_schema(resource)
        if old is None:
            writer.paths = applied_paths(applied, node)
            new = conversion.from_storage(resource, applied)
            return self.create(resource, namespace, new, options, applied_by=writer), True
        must_fit_path(resource, namespace, applied["metadata"])
        merged = apply.apply(old.copy(), applied, node, writer, force=options.force)
        return self._replace(resource, old, merged, options, "", applied_by=writer), False

    def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        obj: Object,
        options: WriteOptions,
        subresource: str = "",
    ) -> Object:
        old = self.stored(resource, namespace, name)
        new = decode(resource, obj, options)
        must_fit_path(resource, namespace, new["metadata"])
        if (given := new["metadata"].get("name", name)) != name:
            raise status.bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")
        new["metadata"]["name"] = name
        return self._replace(resource, old, new, options, subresource)

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        change: Object | Sequence[Object],
        type: PatchType,
        options: WriteOptions,
        subresource: str = "",
    ) -> Object:
        old = self.stored(resource, namespace, name)
        current = conversion.from_storage(resource, old.copy())
        node = schema.of_kind(resource.group, resource.version, resource.kind)
        match type:
            case "merge":
                if not isinstance(change, dict):
                    raise status.bad_request("a merge patch is an object")
                patched = patch.merge(current, change)
            case "json":
                patched = patch.json_patch(current, change)
            case _:
                patched = patch.strategic_merge(current, change, node)  # type: ignore[arg-type]
        new = decode(resource, patched, options)
        must_fit_path(resource, namespace, new["metadata"])
        if new["metadata"].get("name") != name:
            raise status.bad_request(f"the name of an object cannot be patched ({name})")
        return self._replace(resource, old, new, options, subresource)

    def delete(self, resource: Resource, namespace: str, name: str, request: DeleteRequest) -> Object:
        """Returns the object as it is now when it lives on for a while (and always for a pod); else a Status."""
        deletion.must_be_deletable(resource, name)
        old = self.stored(resource, namespace, name)
        deletion.check_preconditions(resource, old, request)
        new = old.copy()
        metadata = new["metadata"]
        deletion.add_finalizer(metadata, request.propagation)
        grace_s = deletion.grace_s(resource, new, request)
        if grace_s == 0 and not metadata.get("finalizers") and resource.key != "namespaces":
            if resource.key == "pods":
                deletion.mark(metadata, time_of(self._clock.now()), 0)
            if not request.dry_run:
                self.store.remove(resource.key, old.namespace, old.name)
            return conversion.from_storage(resource, new) if resource.key == "pods" else deletion.deleted(resource, old)
        when = time_of(self._clock.now() + timedelta(seconds=grace_s))
        deletion.mark(metadata, when, grace_s)
        if resource.key == "namespaces":
            new.setdefault("status", {})["phase"] = "Terminating"
            if not new["spec"].get("finalizers") and not metadata.get("finalizers") and not request.dry_run:
                self.store.remove(resource.key, "", name)
                return conversion.from_storage(resource, new)
        if new != old.obj and not request.dry_run:
            new = self.store.put(resource.key, new).copy()
        return conversion.from_storage(resource, new)

    def scale(
        self, resource: Resource, namespace: str, name: str, replicas: int, version: str, options: WriteOptions
    ) -> Object:
        """Sets `spec.replicas`, and its ownership, for a write to `/scale`. `version` guards when it is not empty."""
        old = self.stored(resource, namespace, name)
        if version and version != str(old.version):
            raise status.conflict(resource, name)
        new = old.copy()
        new["spec"]["replicas"] = replicas
        entries = entries_of(new)
        for entry in entries:
            entry.paths.discard(REPLICAS)
        if old.obj["spec"].get("replicas") != replicas:
            entries = [entry for entry in entries if not entry.is_of(options.manager, "Update", "scale")]
            writer = self._writer(resource, options, "Update", "scale")
            writer.paths = {REPLICAS}
            entries.append(writer)
        write_entries(new, entries)
        self._strategy.keep(resource, new, old.obj, "scale")
        return self._commit(resource, new, old, options, tracked=True)

    def bind(self, namespace: str, name: str, node: str, *, dry_run: bool = False) -> Object:
        """Binds a pod to a node, as a scheduler's POST to `pods/binding` does."""
        resource = named("pods")
        old = self.stored(resource, namespace, name)
        new = schema.without_nulls(bound(old.copy(), node, time_of(self._clock.now())))
        return self._commit(resource, new, old, WriteOptions("kube-scheduler", dry_run=dry_run), "binding")

    # Steps

    def _must_be_active(self, resource: Resource, namespace: str, name: str) -> None:
        found = self.store.get("namespaces", "", namespace)
        if found is None:
            raise ApiError(
                404,
                "NotFound",
                f'namespaces "{namespace}" not found',
                {"name": namespace, "kind": "namespaces"},
            )
        if "deletionTimestamp" in found.obj["metadata"] and resource.key != "events":
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise status.forbidden(resource, name, why)

    def _replace(
        self,
        resource: Resource,
        old: Stored,
        new: Object,
        options: WriteOptions,
        subresource: str,
        *,
        applied_by: Entry | None = None,
    ) -> Object:
        wanted = new["metadata"].get("resourceVersion")
        if wanted and wanted != str(old.version):
            raise status.conflict(resource, old.name)
        if (uid := new["metadata"].get("uid")) and uid != old.obj["metadata"]["uid"]:
            found = old.obj["metadata"]["uid"]
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {found}"
            raise status.conflict(resource, old.name, why)
        before = old.copy()  # Parts of it go into the new version, and may be completed there.
        new = merge_subresource(resource, before, new, subresource)
        if applied_by is None:
            new["metadata"].pop("managedFields", None)
            if "managedFields" in before["metadata"]:
                new["metadata"]["managedFields"] = before["metadata"]["managedFields"]
        self._strategy.keep(resource, new, old.obj, subresource)
        if subresource:
            schema.put_zeros(new, _stored_schema(resource))
        else:
            complete(resource, new)
            causes = validation.check(resource.key, new) + validation.check_change(resource.key, new, old.obj)
            if causes:
                raise status.invalid(resource.group, resource.kind, old.name, causes)
            options.warnings += notices(resource.key, new)
        return self._commit(resource, new, old, options, subresource, tracked=applied_by is not None)

    def _writer(self, resource: Resource, options: WriteOptions, operation: str, subresource: str) -> Entry:
        now = time_of(self._clock.now())
        return Entry(options.manager, operation, named(resource.plural).api_version, subresource, now, set())

    def _commit(
        self,
        resource: Resource,
        new: Object,
        old: Stored | None,
        options: WriteOptions,
        subresource: str = "",
        *,
        tracked: bool = False,
    ) -> Object:
        """Stores it, unless nothing changed or nothing shall be stored; removes it when its last finalizer is gone."""
        metadata = new["metadata"]
        if old is not None:
            metadata["resourceVersion"] = str(old.version)
            if new == old.obj:
                return conversion.from_storage(resource, new)
        if old is not None and not tracked:
            writer = self._writer(resource, options, "Update", subresource)
            track_update(old.obj, new, _stored_schema(resource), writer)
        if options.dry_run:
            return conversion.from_storage(resource, new)
        if old is not None and deletion.may_go(resource, new):
            self.store.remove(resource.key, old.namespace, old.name)
            return conversion.from_storage(resource, new)
        return conversion.from_storage(resource, self.store.put(resource.key, new).copy())


def _stored_schema(resource: Resource) -> schema.Node:
    """The schema of a kind in the version in which it is stored."""
    preferred = named(resource.plural)
    return schema.of_kind(preferred.group, preferred.version, preferred.kind)
