"""
The yard's own certificate authority: made at each start, trusted by nothing but the yard's kubeconfig and pods.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

NAMES = ("127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "10.96.0.1")


@dataclass(frozen=True)
class Certificates:
    """The CA's certificate (PEM) and the server's TLS context."""

    ca_pem: bytes
    server: ssl.SSLContext


def make(folder: Path) -> Certificates:
    """Writes `ca.crt` into the folder; private keys are not kept (trustme loads them from a temporary file)."""
    authority = trustme.CA()
    pem = authority.cert_pem.bytes()
    (folder / "ca.crt").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*NAMES).configure_cert(context)
    return Certificates(pem, context)
