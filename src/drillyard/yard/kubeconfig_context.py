"""
A client for a context of anybody's kubeconfig: the yard's own, or that of a cluster elsewhere.

Understood are what kubectl writes and clouds hand out: certificates as data or files, a token, a token file, client
certificates, an exec plugin (`client.authentication.k8s.io/v1`), several files in KUBECONFIG. Not: proxies, user name
and password, impersonation; they are refused with a sentence. The format:
kubernetes.io/docs/reference/config-api/kubeconfig.v1.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from drillyard.base.errors import DrillyardError
from drillyard.cluster.http_api import HttpApi

_PLUGIN_MAX_S = 60
_NOT_UNDERSTOOD = {"cluster": ("proxy-url", "tls-server-name"), "user": ("username", "as", "auth-provider")}


def paths_of(setting: str) -> list[Path]:
    """The files that a KUBECONFIG names; kubectl's own default when it names none."""
    named = [Path(part).expanduser() for part in setting.split(os.pathsep) if part]
    return named or [Path("~/.kube/config").expanduser()]


def connect(paths: Sequence[Path], context: str = "") -> HttpApi:
    """
    A client for the context, or for the current one.

    Must be called where a loop runs. Raises DrillyardError when the files, the context or its credentials are no use.
    """
    try:
        files = [(path, yaml.safe_load(path.read_text(encoding="utf-8")) or {}) for path in paths if path.exists()]
        name = context or next((config["current-context"] for _, config in files if config.get("current-context")), "")
        chosen, _ = _entry(files, "contexts", name, "context")
        cluster, cluster_folder = _entry(files, "clusters", chosen["cluster"], "cluster")
        user, user_folder = _entry(files, "users", chosen["user"], "user")
        for entry, keys in ((cluster, _NOT_UNDERSTOOD["cluster"]), (user, _NOT_UNDERSTOOD["user"])):
            for key in keys:
                if entry.get(key):
                    raise DrillyardError(f"Context {name} uses {key}, which drill does not understand.")
        credentials = {**user, **_plugin(user["exec"])} if user.get("exec") else user
        return HttpApi(
            cluster["server"],
            token=_token(credentials, user_folder),
            ssl_context=_trust(cluster, cluster_folder, credentials, user_folder),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as problem:
        raise DrillyardError(
            f"The kubeconfig {os.pathsep.join(map(str, paths))} cannot be used: {type(problem).__name__} {problem}.",
            hint="`kubectl config view` shows what it holds; it needs a context with a cluster and a user.",
        ) from problem


def _entry(
    files: Sequence[tuple[Path, Mapping[str, Any]]], plural: str, name: str, key: str
) -> tuple[dict[str, Any], Path]:
    """The first entry of that name, as kubectl merges files, and the folder that its relative paths start from."""
    known = []
    for path, config in files:
        for entry in config.get(plural) or ():
            if entry["name"] == name:
                return entry[key] or {}, path.parent
            known.append(entry["name"])
    where = ", ".join(str(path) for path, _ in files) or "no file that exists"
    there = f"There are: {', '.join(known)}." if known else "`drill --kubeconfig FILE` names another file."
    raise DrillyardError(f'The kubeconfig ({where}) has no {key} "{name}".', hint=there)


def _plugin(wanted: Mapping[str, Any]) -> dict[str, str]:
    """What an exec plugin answers, under the names of a kubeconfig's user."""
    environment = {**os.environ, **{one["name"]: one["value"] for one in wanted.get("env") or ()}}
    info = {"apiVersion": wanted["apiVersion"], "kind": "ExecCredential", "spec": {"interactive": False}}
    environment["KUBERNETES_EXEC_INFO"] = json.dumps(info)
    try:
        done = subprocess.run(
            [wanted["command"], *(wanted.get("args") or ())],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PLUGIN_MAX_S,
            check=True,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as absent:
        hint = wanted.get("installHint")
        raise DrillyardError(f"The credential plugin {wanted['command']} was not found.", hint=hint) from absent
    except subprocess.SubprocessError as failed:
        said = (getattr(failed, "stderr", None) or str(failed)).strip().splitlines() or ["no message"]
        raise DrillyardError(f"The credential plugin {wanted['command']} failed: {said[-1]}") from failed
    status = json.loads(done.stdout)["status"]
    given = {"token": status.get("token")}
    for ours, theirs in (
        ("client-certificate-data", "clientCertificateData"),
        ("client-key-data", "clientKeyData"),
    ):
        if status.get(theirs):
            given[ours] = base64.b64encode(status[theirs].encode()).decode()
    return {key: value for key, value in given.items() if value}


def _token(user: Mapping[str, Any], folder: Path) -> str:
    if user.get("tokenFile"):
        return Path(folder, user["tokenFile"]).read_text(encoding="utf-8").strip()
    return str(user.get("token") or "")


def _trust(
    cluster: Mapping[str, Any], cluster_folder: Path, user: Mapping[str, Any], user_folder: Path
) -> ssl.SSLContext:
    authority = "".join(data.decode() for data in _bytes(cluster, "certificate-authority", cluster_folder))
    context = ssl.create_default_context(cadata=authority or None)
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = (list(_bytes(user, what, user_folder)) for what in ("client-certificate", "client-key"))
    if certificate and key:
        # The ssl module reads them from a file only.
        with tempfile.NamedTemporaryFile(prefix="drill-", suffix=".pem") as both:
            both.write(certificate[0] + b"\n" + key[0])
            both.flush()
            context.load_cert_chain(both.name)
    return context


def _bytes(entry: Mapping[str, Any], key: str, folder: Path) -> Iterator[bytes]:
    """The data under `key-data`, else of the file under `key`; nothing when neither is there."""
    if entry.get(f"{key}-data"):
        yield base64.b64decode(entry[f"{key}-data"])
    elif entry.get(key):
        yield (folder / entry[key]).read_bytes()
