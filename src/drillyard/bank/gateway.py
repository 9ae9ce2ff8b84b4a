"""
One request to the gateway, from its key to its answer.

In this order: secret key, parameters, claim of the idempotency key, misbehaviour before, one transaction of the
ledger (it looks for an earlier answer, acts, and keeps the answer), a line in the log, misbehaviour after, answer.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable, Iterator

from starlette.requests import Request
from starlette.responses import Response

from drillyard.bank import forms, idempotency
from drillyard.bank.answers import json_answer, read_body, same_secret
from drillyard.bank.behaviour import Misbehaviour, Plan
from drillyard.bank.errors import Refused
from drillyard.bank.expand import expand
from drillyard.bank.hang_up import HangUp
from drillyard.bank.idempotency import Claim, InFlight, Replay
from drillyard.bank.journal import Write, line
from drillyard.bank.ledger import Ledger
from drillyard.bank.operations import Operation
from drillyard.bank.outcome import Outcome
from drillyard.base.clock import Clock

_BROKEN = "Sorry! There was an error while talking to one of our backends. Support has been notified."
_TOO_MANY = "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."


class Gateway:
    """Serves the operations from one ledger."""

    def __init__(self, *, ledger: Ledger, key: str, misbehaviour: Misbehaviour, clock: Clock, log: Write) -> None:
        self._ledger = ledger
        self._key = key
        self._misbehaviour = misbehaviour
        self._clock = clock
        self._log = log
        self._in_flight = InFlight()

    def endpoint(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        """What answers one line of the table."""

        async def answer(request: Request) -> Response:
            self._check_key(request)
            if operation.method == "GET":
                return await self._read(operation, request)
            return await self._write(operation, request)

        return answer

    async def _read(self, operation: Operation, request: Request) -> Response:
        params = forms.Params(forms.parse(request.url.query))
        identifier = request.path_params.get("id", "")
        outcome = await self._ledger.run(lambda ledger: _run(ledger, operation, params, identifier, self._now_s()))
        return json_answer(outcome.body, outcome.status)

    async def _write(self, operation: Operation, request: Request) -> Response:
        tree = _form(request, await read_body(request))
        key = request.headers.get("idempotency-key")
        claim = idempotency.claim(key, request.url.path, tree) if key else None
        with self._claimed(claim):
            plan = self._misbehaviour.plan() if operation.asks_for_money(tree) else Plan()
            if plan.wait_before_s:
                await self._clock.sleep(plan.wait_before_s)
            if plan.refuse is not None:
                raise _refusal(plan.refuse)
            identifier, request_id = request.path_params.get("id", ""), request.state.request_id
            outcome = await self._ledger.run(
                lambda ledger: self._act(ledger, operation, tree, identifier, claim, request_id)
            )
            if isinstance(outcome, Outcome) and outcome.event is not None:
                self._log(line(self._clock.now(), outcome.event | {"request": request_id}))
            if outcome.status == 200:
                if plan.wait_after_s:
                    await self._clock.sleep(plan.wait_after_s)
                if plan.lose == "error":
                    raise _refusal(500)
                if plan.lose == "hang_up":
                    return HangUp()
        if isinstance(outcome, Replay):
            replayed = {"Idempotent-Replayed": "true", "Original-Request": outcome.original_request}
            return json_answer(outcome.body, outcome.status, replayed)
        return json_answer(outcome.body, outcome.status)

    def _act(
        self,
        ledger: sqlite3.Connection,
        operation: Operation,
        tree: forms.Tree,
        identifier: str,
        claim: Claim | None,
        request_id: str,
    ) -> Outcome | Replay:
        now_s = self._now_s()
        if claim is not None:
            replay = idempotency.earlier(ledger, claim, now_s=now_s)
            if replay is not None:
                return replay
        outcome = _run(ledger, operation, forms.Params(tree), identifier, now_s)
        if claim is not None:
            idempotency.keep(ledger, claim, outcome, request_id=request_id, now_s=now_s)
        return outcome

    @contextlib.contextmanager
    def _claimed(self, claim: Claim | None) -> Iterator[None]:
        if claim is None:
            yield
            return
        self._in_flight.enter(claim.key)
        try:
            yield
        finally:
            self._in_flight.leave(claim.key)

    def _check_key(self, request: Request) -> None:
        given = _secret(request.headers.get("authorization", ""))
        if given is None:
            raise Refused(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See "
                "https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.",
                status=401,
            )
        if not same_secret(given, self._key):
            raise Refused(f"Invalid API Key provided: {_masked(given)}", status=401)

    def _now_s(self) -> int:
        return int(self._clock.now().timestamp())


def _run(
    ledger: sqlite3.Connection, operation: Operation, params: forms.Params, identifier: str, now_s: int
) -> Outcome:
    paths = params.texts("expand")
    outcome = operation.run(ledger, params, identifier, now_s)
    if outcome.status == 200:
        expand(ledger, outcome.body, paths)
    return outcome


def _form(request: Request, body: bytes) -> forms.Tree:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != "application/x-www-form-urlencoded":
        raise Refused(
            "Invalid request: the body must be form-encoded (Content-Type: application/x-www-form-urlencoded), "
            f"not {kind[:80] or 'of no type'}."
        )
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise Refused("Invalid request: the body is not form-encoded text.") from None
    return forms.parse(text)


def _secret(header: str) -> str | None:
    """The key in a Bearer header, or the user name in a Basic one (curl's -u KEY:)."""
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value or None
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[0] or None
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


def _masked(key: str) -> str:
    """`sk_test_*****mock`: enough to recognise one's own key."""
    head = "_".join(key.split("_")[:2]) + "_" if key.count("_") >= 2 else ""
    rest = key[len(head) :]
    if len(head) > 12 or len(rest) < 8:
        return "*" * min(len(key), 12)
    return f"{head}{'*' * min(len(rest) - 4, 24)}{rest[-4:]}"


def _refusal(status: int) -> Refused:
    if status == 429:
        return Refused(_TOO_MANY, status=429, code="rate_limit")
    return Refused(_BROKEN, status=status, type="api_error")
