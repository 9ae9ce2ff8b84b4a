"""
What the agent is told by its environment; the names are those of the Datadog agent where it has one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drillyard.base.errors import SettingError
from drillyard.telemetry.agent.copies import Endpoint, read_endpoints
from drillyard.telemetry.agent.rules import Rules, read_rules
from drillyard.telemetry.settings import read_port

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True)
class AgentSettings:
    """`kubernetes_url` is empty outside a cluster: then lines are tagged by their path alone."""

    api_key: str
    logs_url: str
    api_url: str
    pod_logs: Path
    run_folder: Path
    hostname: str
    cluster_name: str
    kubernetes_url: str
    service_account: Path
    command_folder: Path | None
    """Where the command `agent` is laid, None for nowhere."""
    host: str
    port: int
    check_interval_s: float
    management_url: str
    """A broker's management API with user and password; left empty, brokers are looked for among the pods."""
    rules: Rules
    """For the lines of all containers, before their own."""
    copies: tuple[Endpoint, ...]
    """Further intakes that get every log, too."""


def read_agent_settings(environment: Mapping[str, str]) -> AgentSettings:
    """Raises SettingError."""
    api_url = _url(environment, "DD_DD_URL", environment.get("DD_LOGS_CONFIG_LOGS_DD_URL", ""))
    kubernetes_host = environment.get("KUBERNETES_SERVICE_HOST", "")
    kubernetes_port = environment.get("KUBERNETES_SERVICE_PORT") or "443"
    address = f"[{kubernetes_host}]" if ":" in kubernetes_host else kubernetes_host
    return AgentSettings(
        api_key=_needed(environment, "DD_API_KEY"),
        logs_url=_url(environment, "DD_LOGS_CONFIG_LOGS_DD_URL", api_url),
        api_url=api_url,
        pod_logs=Path(environment.get("POD_LOGS") or "/var/log/pods"),
        run_folder=Path(_needed(environment, "AGENT_RUN")),
        hostname=_needed(environment, "DD_HOSTNAME"),
        cluster_name=environment.get("DD_CLUSTER_NAME", ""),
        kubernetes_url=f"https://{address}:{kubernetes_port}" if kubernetes_host else "",
        service_account=Path(environment.get("SERVICE_ACCOUNT_DIR") or SERVICE_ACCOUNT),
        command_folder=Path(environment["AGENT_BIN"]) if environment.get("AGENT_BIN") else None,
        host=environment.get("HOST") or "127.0.0.1",
        port=read_port(environment, 5555),
        check_interval_s=_seconds(environment, "CHECK_INTERVAL", 5.0),
        management_url=_url(environment, "RABBITMQ_MANAGEMENT_URL", "") if _has_broker(environment) else "",
        rules=_rules(environment.get("DD_LOGS_CONFIG_PROCESSING_RULES") or "[]"),
        copies=read_endpoints(environment.get("DD_LOGS_CONFIG_ADDITIONAL_ENDPOINTS", "")),
    )


def _rules(text: str) -> Rules:
    try:
        return read_rules(json.loads(text))
    except ValueError as wrong:
        raise SettingError(f"DD_LOGS_CONFIG_PROCESSING_RULES is not JSON: {wrong}.") from wrong


def _needed(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise SettingError(f"{name} is not set.")
    return value


def _has_broker(environment: Mapping[str, str]) -> bool:
    return bool(environment.get("RABBITMQ_MANAGEMENT_URL"))


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    text = environment.get(name) or str(default)
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 1 <= seconds <= 3_600:
        raise SettingError(f"{name} is {text!r}, which is no number of seconds from 1 to 3600.")
    return seconds


def _url(environment: Mapping[str, str], name: str, default: str) -> str:
    value = environment.get(name) or default
    if not value.startswith(("http://", "https://")):
        raise SettingError(f"{name} is {value!r}, which is no URL.", hint="Write http://127.0.0.1:PORT.")
    return value.rstrip("/")
