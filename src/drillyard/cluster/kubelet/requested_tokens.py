"""
Tokens of service accounts, asked of the API server: one for each pod and audience, renewed in time, as a kubelet does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from drillyard.base.clock import Clock
from drillyard.cluster.client import ApiError, Object
from drillyard.cluster.timestamps import parse_time

_LIFETIME_S = 3600
_RENEW_AT = 0.8  # Of its life, as the kubelet's own token manager (pkg/kubelet/token).


class TokenRequests(Protocol):
    """What is needed of a client of the API."""

    async def request_token(self, namespace: str, service_account: str, spec: Object) -> Object:
        """The TokenRequest's status: `token` and `expirationTimestamp`. Raises ApiError."""


@dataclass(frozen=True)
class _Given:
    token: str
    renew_at: datetime
    expires_at: datetime


class RequestedTokens:
    """Implements `TokenSource` on any Kubernetes API."""

    def __init__(self, api: TokenRequests, clock: Clock) -> None:
        self._api, self._clock = api, clock
        self._given: dict[tuple[str, str], _Given] = {}

    async def token(self, pod: Object, source: Mapping[str, Any]) -> str:
        """
        The pod's token for the source's audience. Raises ApiError when there is none yet and the server refuses one.

        It is bound to the pod, which is all that a real API server's node authorizer grants to a node. A renewal that
        fails is tried again the next time, while the old token still counts.
        """
        metadata, audience = pod["metadata"], source.get("audience") or ""
        key, now = (metadata["uid"], audience), self._clock.now()
        known = self._given.get(key)
        if known is not None and now < known.renew_at:
            return known.token
        spec = {
            "audiences": [audience] if audience else [],
            "expirationSeconds": source.get("expirationSeconds") or _LIFETIME_S,
            "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]},
        }
        account = pod["spec"].get("serviceAccountName") or "default"
        try:
            given = await self._api.request_token(metadata["namespace"], account, spec)
        except (ApiError, OSError, TimeoutError):
            if known is not None and now < known.expires_at:
                return known.token
            raise
        expires_at = parse_time(given["expirationTimestamp"])
        renew_at = now + timedelta(seconds=(expires_at - now).total_seconds() * _RENEW_AT)
        self._given = {one: value for one, value in self._given.items() if value.expires_at > now}
        self._given[key] = _Given(given["token"], renew_at, expires_at)
        return self._given[key].token
