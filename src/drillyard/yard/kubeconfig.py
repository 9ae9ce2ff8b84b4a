"""
The kubeconfig of a yard: one cluster, one user, one context.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from drillyard.base.errors import DrillyardError
from drillyard.base.files import write_atomically
from drillyard.cluster.http_api import HttpApi


def write(path: Path, *, server: str, ca_pem: bytes, token: str, user: str, name: str) -> None:
    """Readable by its owner only: the token in it is the cluster's key."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": name,
                "cluster": {"server": server, "certificate-authority-data": base64.b64encode(ca_pem).decode()},
            }
        ],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user, "namespace": "default"}}],
        "current-context": name,
    }
    write_atomically(path, yaml.safe_dump(document, sort_keys=False))


def connect(path: Path) -> HttpApi:
    """A client for the current context. Raises DrillyardError when the file cannot be used."""
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        return HttpApi(cluster["server"], token=user["token"], ssl_context=ssl.create_default_context(cadata=authority))
    except (OSError, ValueError, KeyError, TypeError, StopIteration, yaml.YAMLError) as problem:
        raise DrillyardError(
            f"The kubeconfig {path} cannot be used: {type(problem).__name__} {problem}.",
            hint="It needs a current context with a server, certificate-authority-data and a token.",
        ) from problem


def _named(entries: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)
