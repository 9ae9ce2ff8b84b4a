"""
The API that switches the bank's ways to misbehave: `GET`, `PUT` and `DELETE /admin/behaviour`, with its own key.

Without that key in the settings the path does not exist.
"""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drillyard.bank.answers import json_answer, read_body, same_secret
from drillyard.bank.behaviour import Behaviour, Misbehaviour
from drillyard.bank.errors import Refused, unrecognized_url
from drillyard.base.errors import DrillyardError


class Admin:
    """Answers with the behaviour that is on and the number of requests that it saw and struck."""

    def __init__(self, key: str | None, misbehaviour: Misbehaviour) -> None:
        self._key = key
        self._misbehaviour = misbehaviour

    def routes(self) -> list[Route]:
        """The one path of this API."""
        return [Route("/admin/behaviour", self._answer, methods=["GET", "PUT", "DELETE"])]

    async def _answer(self, request: Request) -> Response:
        if self._key is None:
            raise unrecognized_url(request.method, request.url.path)
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not same_secret(given.strip(), self._key):
            raise Refused("This needs the admin key: Authorization: Bearer KEY", status=401)
        if request.method == "PUT":
            self._misbehaviour.put_in(_behaviour(await read_body(request)))
        elif request.method == "DELETE":
            self._misbehaviour.heal()
        return json_answer(self._misbehaviour.report())


def _behaviour(body: bytes) -> Behaviour:
    try:
        return Behaviour.from_json(orjson.loads(body))
    except orjson.JSONDecodeError as problem:
        raise Refused(f"The body is not JSON: {problem}.") from None
    except DrillyardError as problem:
        raise Refused(problem.message) from None
