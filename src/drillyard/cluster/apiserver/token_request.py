"""
`serviceaccounts/NAME/token`: a token for a service account, good for a while (authentication.k8s.io/v1 TokenRequest).
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from drillyard.base.clock import Clock
from drillyard.cluster.apiserver import status
from drillyard.cluster.apiserver.auth import Tokens, User
from drillyard.cluster.client import Object
from drillyard.cluster.timestamps import time_of

_DEFAULT_S = 3600
_LEAST_S = 600
_MOST_S = 1 << 32


def service_account(namespace: str, name: str) -> User:
    """The user that a service account is to access rules."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return User(f"system:serviceaccount:{namespace}:{name}", groups)


def issue(tokens: Tokens, clock: Clock, namespace: str, name: str, body: Any) -> Object:
    """
    The TokenRequest with its token.

    Raises ApiError 400 for what is none, 422 for a lifetime under ten minutes or over 2^32 seconds.
    """
    spec = body.get("spec") or {}
    if not isinstance(spec, dict):
        raise status.bad_request("spec of a TokenRequest is an object")
    lifetime_s = spec.get("expirationSeconds", _DEFAULT_S)
    if not isinstance(lifetime_s, int) or not _LEAST_S <= lifetime_s <= _MOST_S:
        detail = "may not specify a duration less than 10 minutes or more than 2^32 seconds"
        problem = status.invalid_value("spec.expirationSeconds", lifetime_s, detail)
        raise status.invalid("authentication.k8s.io", "TokenRequest", name, [problem])
    token = secrets.token_urlsafe(32)
    tokens.add(token, service_account(namespace, name), lifetime_s=lifetime_s)
    now = clock.now()
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": time_of(now)},
        "spec": {"audiences": spec.get("audiences") or [], "expirationSeconds": lifetime_s, "boundObjectRef": None},
        "status": {"token": token, "expirationTimestamp": time_of(now + timedelta(seconds=lifetime_s))},
    }
