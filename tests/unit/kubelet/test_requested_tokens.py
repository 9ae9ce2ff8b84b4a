"""Tokens of pods on a real API server: bound to the pod, kept while they are good, renewed before they end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from drillyard.base.clock import VirtualClock
from drillyard.cluster.client import ApiError
from drillyard.cluster.kubelet.requested_tokens import RequestedTokens
from drillyard.cluster.timestamps import time_of

POD = {"metadata": {"name": "p", "namespace": "n", "uid": "u"}, "spec": {"serviceAccountName": "robot"}}
SOURCE = {"path": "token", "expirationSeconds": 3607}


class Server:
    """Gives numbered tokens, until it is away."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.refusal: Exception | None = None

    async def request_token(self, namespace: str, service_account: str, spec: dict[str, Any]) -> dict[str, Any]:
        if self.refusal is not None:
            raise self.refusal
        self.asked.append((namespace, service_account, spec))
        ends = self._clock.now() + timedelta(seconds=spec["expirationSeconds"])
        return {"token": f"token {len(self.asked)}", "expirationTimestamp": time_of(ends)}


async def test_a_token_is_bound_to_its_pod_as_the_node_authorizer_demands() -> None:
    clock = VirtualClock()
    server = Server(clock)
    assert await RequestedTokens(server, clock).token(POD, {**SOURCE, "audience": "vault"}) == "token 1"
    bound = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}
    spec = {"audiences": ["vault"], "expirationSeconds": 3607, "boundObjectRef": bound}
    assert server.asked == [("n", "robot", spec)]


async def test_a_token_is_kept_for_four_fifths_of_its_life() -> None:
    clock = VirtualClock()
    tokens = RequestedTokens(Server(clock), clock)
    assert await tokens.token(POD, SOURCE) == "token 1"
    await clock.advance(2800)
    assert await tokens.token(POD, SOURCE) == "token 1"
    await clock.advance(100)
    assert await tokens.token(POD, SOURCE) == "token 2"


async def test_the_old_token_counts_while_the_server_is_away_but_no_longer_than_it_lives() -> None:
    clock = VirtualClock()
    server = Server(clock)
    tokens = RequestedTokens(server, clock)
    await tokens.token(POD, SOURCE)
    server.refusal = ConnectionError("refused")
    await clock.advance(3000)
    assert await tokens.token(POD, SOURCE) == "token 1"
    await clock.advance(1000)
    with pytest.raises(ConnectionError):
        await tokens.token(POD, SOURCE)


async def test_a_refusal_is_told() -> None:
    clock = VirtualClock()
    server = Server(clock)
    server.refusal = ApiError(403, "Forbidden", "no relationship found between node and this object")
    with pytest.raises(ApiError, match="no relationship"):
        await RequestedTokens(server, clock).token(POD, SOURCE)
