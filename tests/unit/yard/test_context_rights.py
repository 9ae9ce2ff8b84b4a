"""A context that may not do what a drill needs is told all of it at once."""

from __future__ import annotations

from typing import Any

import pytest

from drillyard.base.errors import DrillyardError
from drillyard.yard.context_rights import NEEDED, must_be_allowed


class Server:
    """Answers access reviews by a rule."""

    def __init__(self, *denied: tuple[str, str, str]) -> None:
        self._denied = set(denied)
        self.asked: set[tuple[str, str, str]] = set()

    async def create(self, kind: str, namespace: None, obj: dict[str, Any]) -> dict[str, Any]:
        assert kind == "selfsubjectaccessreviews"
        of = obj["spec"]["resourceAttributes"]
        what = "/".join(filter(None, (of["resource"], of.get("subresource"))))
        right = (of["verb"], what, of["namespace"])
        self.asked.add(right)
        return {"status": {"allowed": right not in self._denied}}


async def test_a_context_with_every_right_is_taken() -> None:
    server = Server()
    await must_be_allowed(server, "prod")  # type: ignore[arg-type]
    assert server.asked == set(NEEDED)


async def test_all_that_is_missing_is_said_in_one_sentence() -> None:
    server = Server(("get", "secrets", "bank"), ("create", "pods/portforward", "sock-shop"))
    with pytest.raises(DrillyardError) as refused:
        await must_be_allowed(server, "prod")  # type: ignore[arg-type]
    assert refused.value.message == (
        "The user of context prod may not create pods/portforward in sock-shop, get secrets in bank."
    )
