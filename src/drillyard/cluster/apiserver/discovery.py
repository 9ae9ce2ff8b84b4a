"""
What this server serves, in the forms that clients ask for: aggregated (kubectl ≥ 1.27), by group, and paths.

Formats: apidiscovery.k8s.io/v2 and v2beta1, meta/v1 APIGroupList and APIResourceList.
"""

from __future__ import annotations

from collections.abc import Iterable

from drillyard.cluster.client import Object
from drillyard.cluster.resources import RESOURCES, Resource, group_versions

KUBERNETES_VERSION = "v1.36.2"


def version_info() -> Object:
    """`GET /version`. The version is that of the API which this server imitates; the build is named honestly."""
    major, minor, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": f"{KUBERNETES_VERSION}+drillyard",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }


def paths() -> Object:
    """`GET /`."""
    found = {"/api", "/api/v1", "/apis", "/healthz", "/livez", "/readyz", "/openapi/v2", "/openapi/v3", "/version"}
    for group, version in group_versions():
        if group:
            found |= {f"/apis/{group}", f"/apis/{group}/{version}"}
    return {"paths": sorted(found)}


def core_versions(address: str) -> Object:
    """`GET /api`."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list() -> Object:
    """`GET /apis`."""
    groups = [_group(name) for name in dict.fromkeys(group for group, _ in group_versions() if group)]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(name: str) -> Object | None:
    """`GET /apis/apps`; None for a group that is not served."""
    if not name or all(group != name for group, _ in group_versions()):
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)}


def _group(name: str) -> Object:
    versions = [
        {"groupVersion": f"{name}/{version}", "version": version}
        for group, version in group_versions()
        if group == name
    ]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def resource_list(group: str, version: str) -> Object | None:
    """`GET /apis/apps/v1`; None for a version that is not served."""
    rows = _rows(group, version)
    if not rows:
        return None
    resources = [entry for row in rows for entry in _flat(row)]
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources}


def _rows(group: str, version: str) -> list[Resource]:
    return [row for row in RESOURCES if (row.group, row.version) == (group, version)]


def _flat(row: Resource) -> Iterable[Object]:
    entry: Object = {
        "name": row.plural,
        "singularName": row.singular,
        "namespaced": row.namespaced,
        "kind": row.kind,
        "verbs": list(row.verbs),
        **_other_names(row),
    }
    yield entry
    for sub in row.subresources:
        below: Object = {
            "name": f"{row.plural}/{sub.name}",
            "singularName": "",
            "namespaced": row.namespaced,
            "kind": sub.kind,
            "verbs": list(sub.verbs),
        }
        if (sub.group, sub.version) != (row.group, row.version):
            below |= {"group": sub.group, "version": sub.version}
        yield below


def _other_names(row: Resource) -> Object:
    named = {"shortNames": list(row.short_names), "categories": list(row.categories)}
    return {key: names for key, names in named.items() if names}


def aggregated(*, core: bool, api: str) -> Object:
    """`GET /api` or `/apis` as APIGroupDiscoveryList; `api` is v2 or v2beta1."""
    names = [""] if core else list(dict.fromkeys(group for group, _ in group_versions() if group))
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{api}",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": name, "creationTimestamp": None} if name else {"creationTimestamp": None},
                "versions": [
                    {
                        "version": version,
                        "freshness": "Current",
                        "resources": [_nested(row) for row in _rows(name, version)],
                    }
                    for group, version in group_versions()
                    if group == name
                ],
            }
            for name in names
        ],
    }


def _nested(row: Resource) -> Object:
    entry: Object = {
        "resource": row.plural,
        "responseKind": {"group": row.group, "version": row.version, "kind": row.kind},
        "scope": "Namespaced" if row.namespaced else "Cluster",
        "singularResource": row.singular,
        "verbs": list(row.verbs),
        **_other_names(row),
    }
    if row.subresources:
        entry["subresources"] = [
            {
                "subresource": sub.name,
                "responseKind": {"group": sub.group, "version": sub.version, "kind": sub.kind},
                "verbs": list(sub.verbs),
            }
            for sub in row.subresources
        ]
    return entry
