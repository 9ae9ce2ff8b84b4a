"""
The kubeconfig of a yard: one cluster, one user, one context.
"""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from drillyard.base.files import write_atomically


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
