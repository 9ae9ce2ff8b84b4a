"""
Tokens for pods: one for each, naming its service account, as a cluster's token API gives them.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from drillyard.cluster.apiserver.auth import Tokens, User
from drillyard.cluster.client import Object

_GROUPS = "system:serviceaccounts"


class ServiceAccountTokens:
    """Implements the kubelet's `TokenSource` on the API server's table of tokens."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._given: dict[tuple[str, str, str], str] = {}

    async def token(self, pod: Object, source: Mapping[str, Any]) -> str:
        """The pod's token; the same one when asked again."""
        namespace, service_account = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName") or "default"
        key = (namespace, service_account, pod["metadata"]["name"])
        if key not in self._given:
            token = secrets.token_urlsafe(24)
            user = f"system:serviceaccount:{namespace}:{service_account}"
            self._tokens.add(token, User(user, (_GROUPS, f"{_GROUPS}:{namespace}")))
            self._given[key] = token
        return self._given[key]
