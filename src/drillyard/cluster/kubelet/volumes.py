"""
The volumes of a pod as folders of the node: emptyDir, hostPath, configMap, secret, projected, downwardAPI.

A hostPath is a path of the node, and the node's root is its own folder: no pod sees the machine's files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from drillyard.cluster.client import ApiError, Object
from drillyard.cluster.kubelet.environment import ConfigError, PodFacts, Sources, field_value, resource_value
from drillyard.cluster.kubelet.settings import NodeSettings, TokenSource

ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
_ACCOUNT_VOLUME = "kube-api-access"

Files = dict[str, tuple[bytes, int]]  # relative path → content, mode


class MountError(Exception):
    """A volume cannot be set up; the text follows `MountVolume.SetUp failed for volume "x" : `."""

    def __init__(self, volume: str, reason: str) -> None:
        super().__init__(f'MountVolume.SetUp failed for volume "{volume}" : {reason}')


def with_account_mount(pod: Object, *, tokens: bool) -> Object:
    """
    The pod with its service account's volume mounted in every container, where no admission has done so already.

    Real API servers do it (ServiceAccount admission); with them the pod is returned as it is.
    """
    spec = pod["spec"]
    if not tokens or spec.get("automountServiceAccountToken") is False:
        return pod
    parts = [*(spec.get("initContainers") or ()), *spec["containers"]]
    if any(mount["mountPath"] == ACCOUNT_FOLDER for part in parts for mount in part.get("volumeMounts") or ()):
        return pod
    mount = {"name": _ACCOUNT_VOLUME, "mountPath": ACCOUNT_FOLDER, "readOnly": True}
    source = [
        {"serviceAccountToken": {"path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "optional": True, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    changed = {
        **spec,
        "volumes": [*(spec.get("volumes") or ()), {"name": _ACCOUNT_VOLUME, "projected": {"sources": source}}],
    }
    for kind in ("initContainers", "containers"):
        if spec.get(kind):
            changed[kind] = [
                {**part, "volumeMounts": [*(part.get("volumeMounts") or ()), mount]} for part in spec[kind]
            ]
    return {**pod, "spec": changed}


class Volumes:
    """Sets up the volumes of one pod below `folder`."""

    def __init__(self, settings: NodeSettings, folder: Path, sources: Sources, tokens: TokenSource | None) -> None:
        self._settings, self._folder, self._sources, self._tokens = settings, folder, sources, tokens

    async def set_up(self, facts: PodFacts) -> dict[str, Path]:
        """Volume name → folder or file. Raises MountError. Doing it again brings configMaps and secrets up to date."""
        found: dict[str, Path] = {}
        for volume in facts.pod["spec"].get("volumes") or ():
            name = volume["name"]
            try:
                found[name] = await self._one(volume, facts)
            except (ConfigError, OSError, KeyError) as failed:
                raise MountError(name, str(failed)) from failed
        return found

    async def _one(self, volume: Object, facts: PodFacts) -> Path:
        place: Path = self._folder / volume["name"]
        if "emptyDir" in volume:
            place.mkdir(parents=True, exist_ok=True)
            place.chmod(0o777)
            if os.geteuid() == 0:  # A store that must not run as root becomes somebody else, and has to get in.
                for folder in (self._folder.parent, self._folder):
                    folder.chmod(0o711)
            return place
        if host := volume.get("hostPath"):
            return self._host_path(host)
        for kind in ("configMap", "secret", "downwardAPI"):
            if source := volume.get(kind):
                name = {"secretName": "name"}
                renamed = {name.get(key, key): value for key, value in source.items()}
                files = await self._files(kind, renamed, facts, int(source.get("defaultMode") or 0o644))
                return _written(place, files)
        if projected := volume.get("projected"):
            mode = int(projected.get("defaultMode") or 0o644)
            files = {}
            for part in projected.get("sources") or ():
                for kind, source in part.items():
                    files.update(await self._files(kind, source, facts, mode))
            return _written(place, files)
        kinds = ", ".join(key for key in volume if key != "name") or "no type"
        raise ConfigError(f"this node has no volumes of type {kinds}")

    def _host_path(self, host: Object) -> Path:
        root = self._settings.folder.resolve()
        parts = [part for part in PurePosixPath(host["path"]).parts if part not in ("/", "..")]
        place = root.joinpath(*parts)
        kind = host.get("type") or ""
        if not place.resolve().is_relative_to(root):
            raise ConfigError(f"hostPath {host['path']} leads out of the node")
        if kind in ("", "DirectoryOrCreate"):
            place.mkdir(parents=True, exist_ok=True)
        elif kind == "FileOrCreate":
            place.touch()
        elif kind == "Directory" and not place.is_dir():
            raise ConfigError(f"hostPath type check failed: {host['path']} is not a directory")
        elif kind == "File" and not place.is_file():
            raise ConfigError(f"hostPath type check failed: {host['path']} is not a file")
        elif kind in ("Socket", "CharDevice", "BlockDevice"):
            raise ConfigError(f"hostPath type check failed: this node has no {kind}")
        return place

    async def _files(self, kind: str, source: Mapping[str, Any], facts: PodFacts, mode: int) -> Files:
        optional = bool(source.get("optional"))
        match kind:
            case "configMap" | "secret":
                read = self._sources.config_map if kind == "configMap" else self._sources.secret
                data = await read(source["name"], optional=optional)
                return _chosen(data or {}, source, mode, optional)
            case "downwardAPI":
                return {item["path"]: (_downward(item, facts), item.get("mode") or mode) for item in source["items"]}
            case "serviceAccountToken" if self._tokens is not None:
                try:
                    token = await self._tokens.token(facts.pod, source)
                except ApiError as refused:
                    raise ConfigError(f"failed to fetch token: {refused.message}") from refused
                files: Files = {source["path"]: (token.encode(), 0o600)}
                if self._settings.ca_certificate:
                    files["ca.crt"] = (self._settings.ca_certificate.encode(), mode)
                return files
        raise ConfigError(f"this node has no volumes of type {kind}")


def _downward(item: Object, facts: PodFacts) -> bytes:
    if field := item.get("fieldRef"):
        return field_value(facts, field["fieldPath"]).encode()
    reference = item["resourceFieldRef"]
    container = next(one for one in facts.pod["spec"]["containers"] if one["name"] == reference["containerName"])
    return resource_value(facts, container, reference).encode()


def _chosen(data: Mapping[str, bytes], source: Mapping[str, Any], mode: int, optional: bool) -> Files:
    items = source.get("items")
    if not items:
        return {key: (value, mode) for key, value in data.items()}
    files: Files = {}
    for item in items:
        if item["key"] in data:
            files[item["path"]] = (data[item["key"]], item.get("mode") or mode)
        elif not optional:
            raise ConfigError(f"references non-existent config key: {item['key']}")
    return files


def _written(place: Path, files: Files) -> Path:
    """Writes what changed and removes what is gone."""
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o700)
    for name, (content, mode) in files.items():
        parts = PurePosixPath(name).parts
        if ".." in parts or parts[:1] == ("/",):
            raise ConfigError(f"{name} leads out of its volume")
        target = place.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_file() and target.read_bytes() == content:
            continue
        fresh = target.with_name(f"..{target.name}.new")
        fresh.write_bytes(content)
        fresh.chmod(mode)
        os.replace(fresh, target)
    for path in place.rglob("*"):
        if path.is_file() and str(path.relative_to(place)) not in files:
            path.unlink()
    return place
