"""
The yard's own certificate authority: made at each start, trusted by nothing but the yard's kubeconfig and pods.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

NAMES = ("127.0.0.1", "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "10.96.0.1")

_SITES = (
    *("datadoghq.com", "us3.datadoghq.com", "us5.datadoghq.com", "ap1.datadoghq.com", "ap2.datadoghq.com"),
    *("datadoghq.eu", "ddog-gov.com"),
)
TELEMETRY_NAMES = (
    "127.0.0.1",
    "localhost",
    # Node takes no wildcard directly under a top-level name such as localhost.
    *(f"{part}.localhost" for part in ("api", "app", "http-intake.logs", "event-management-intake")),
    *(f"*.{part}{site}" for site in _SITES for part in ("", "logs.")),
)
"""For clients that cannot be given another host than Datadog's: they come through the proxy of the telemetry."""


@dataclass(frozen=True)
class Certificates:
    """The CA's certificate (PEM), the API server's TLS context, and the telemetry's key and chain (PEM)."""

    ca_pem: bytes
    server: ssl.SSLContext
    telemetry_pem: bytes


def make(folder: Path) -> Certificates:
    """Writes `ca.crt` into the folder; the keys of CA and API server are not kept (trustme uses a temporary file)."""
    authority = trustme.CA()
    pem = authority.cert_pem.bytes()
    (folder / "ca.crt").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*NAMES).configure_cert(context)
    telemetry = authority.issue_cert(*TELEMETRY_NAMES).private_key_and_cert_chain_pem.bytes()
    return Certificates(pem, context, telemetry)
