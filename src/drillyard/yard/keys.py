"""
The secrets of one yard, fresh at each start, and the Kubernetes objects that bring them to the pods.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

from drillyard.cluster.client import Object
from drillyard.yard.stores.postgres import ROLE_PASSWORD


@dataclass
class Keys:
    """Tokens of the API server, keys of the telemetry and of the bank."""

    admin_token: str
    investigator_token: str
    api_key: str
    app_key: str
    bank_key: str
    bank_admin_key: str
    control_token: str
    session_secret: str

    @classmethod
    def fresh(cls) -> Keys:
        """Drawn by the system's generator: they are secrets, and no drill's seed may repeat them."""
        return cls(
            admin_token=secrets.token_urlsafe(24),
            investigator_token=secrets.token_urlsafe(24),
            api_key=secrets.token_hex(16),
            app_key=secrets.token_hex(20),
            bank_key=f"sk_test_{secrets.token_hex(12)}",
            bank_admin_key=secrets.token_hex(16),
            control_token=secrets.token_urlsafe(24),
            session_secret=secrets.token_hex(16),
        )

    def objects(self, telemetry: str) -> Iterator[Object]:
        """Secrets, and where the agent and the services send what they see. `telemetry` is the intake's `host:port`."""
        yield _secret("sock-shop", "databases", {"password": ROLE_PASSWORD})
        yield _secret("sock-shop", "payment-gateway", {"key": self.bank_key})
        yield _secret("sock-shop", "front-end", {"session-secret": self.session_secret})
        yield _secret("bank", "bank", {"key": self.bank_key, "admin-key": self.bank_admin_key})
        yield _secret("datadog", "datadog-keys", {"api-key": self.api_key})
        yield {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "datadog-agent", "namespace": "datadog"},
            "data": {"intake-url": f"http://{telemetry}"},
        }
        yield _secret("sock-shop", "opentelemetry", {"OTEL_EXPORTER_OTLP_HEADERS": f"dd-api-key={self.api_key}"})
        yield {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "opentelemetry", "namespace": "sock-shop"},
            "data": {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{telemetry}",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
            },
        }


def _secret(namespace: str, name: str, data: dict[str, str]) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "stringData": data,
    }
