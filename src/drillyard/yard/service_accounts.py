"""
Tokens for pods: one for each, naming its service account, as a cluster's token API gives them.
"""

from __future__ import annotations

import secrets

from drillyard.cluster.apiserver.auth import Tokens, User

_GROUPS = "system:serviceaccounts"


class ServiceAccountTokens:
    """Implements the kubelet's `TokenSource` on the API server's table of tokens."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._given: dict[tuple[str, str, str], str] = {}

    async def token(self, namespace: str, service_account: str, pod: str) -> str:
        """The pod's token; the same one when asked again."""
        key = (namespace, service_account, pod)
        if key not in self._given:
            token = secrets.token_urlsafe(24)
            user = f"system:serviceaccount:{namespace}:{service_account}"
            self._tokens.add(token, User(user, (_GROUPS, f"{_GROUPS}:{namespace}")))
            self._given[key] = token
        return self._given[key]
