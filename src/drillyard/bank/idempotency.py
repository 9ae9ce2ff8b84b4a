"""
Idempotency keys: the same request sent twice takes money once.

The first answer that the ledger keeps, a declined card included, is stored under the caller's key in the very
transaction that took the money, so a crash leaves both or neither. A refused request stores nothing and may be sent
again under its key. Source: https://docs.stripe.com/api/idempotent_requests. Keys are kept for 24 hours.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import dataclass
from typing import Any

from drillyard.bank.errors import Refused
from drillyard.bank.forms import Tree
from drillyard.bank.outcome import Outcome

KEY_LENGTH_MAX = 255
KEPT_S = 24 * 3600


@dataclass(frozen=True)
class Claim:
    """What one request does under its key: where it goes and a fingerprint of its parameters."""

    key: str
    path: str
    fingerprint: str


@dataclass(frozen=True)
class Replay:
    """An answer given before, and the id of the request that first got it."""

    status: int
    body: dict[str, Any]
    original_request: str


def claim(key: str, path: str, tree: Tree) -> Claim:
    """Raises Refused for a key that is too long."""
    if len(key) > KEY_LENGTH_MAX:
        raise Refused(f"Idempotency-Key must be at most {KEY_LENGTH_MAX} characters long.", type="idempotency_error")
    parameters = json.dumps(tree, sort_keys=True, ensure_ascii=True)
    return Claim(key, path, hashlib.sha256(parameters.encode()).hexdigest())


def earlier(ledger: sqlite3.Connection, claim: Claim, *, now_s: int) -> Replay | None:
    """The stored answer, or None for a new key. Raises Refused when the key was used for something else."""
    ledger.execute("DELETE FROM idempotency_key WHERE created < ?", [now_s - KEPT_S])
    row = ledger.execute("SELECT * FROM idempotency_key WHERE key = ?", [claim.key]).fetchone()
    if row is None:
        return None
    if row["path"] != claim.path:
        raise _reused(f"endpoint they were first used for ('{claim.path}' vs '{row['path']}')", claim.key)
    if row["fingerprint"] != claim.fingerprint:
        raise _reused("parameters they were first used with", claim.key)
    return Replay(row["status"], json.loads(row["body"]), row["request_id"])


def keep(ledger: sqlite3.Connection, claim: Claim, outcome: Outcome, *, request_id: str, now_s: int) -> None:
    """Stores an answer under its key, in the caller's transaction."""
    ledger.execute(
        "INSERT INTO idempotency_key (key, path, fingerprint, status, body, request_id, created)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [claim.key, claim.path, claim.fingerprint, outcome.status, json.dumps(outcome.body), request_id, now_s],
    )


class InFlight:
    """
    The keys of requests that are being served now; a second one with such a key is told so (409).

    Held in memory, because a bank that died serves nothing any more.
    """

    def __init__(self) -> None:
        self._keys: set[str] = set()

    def enter(self, key: str) -> None:
        """Raises Refused while another request holds the key."""
        if key in self._keys:
            raise Refused(
                "There is currently another in-progress request using this Idempotent Key (that probably means you "
                f"submitted twice, and the other request is still going through): {key}. Please try again later.",
                status=409,
                code="idempotency_key_in_use",
            )
        self._keys.add(key)

    def leave(self, key: str) -> None:
        """Gives the key free."""
        self._keys.discard(key)


def _reused(limit: str, key: str) -> Refused:
    return Refused(
        f"Keys for idempotent requests can only be used for the same {limit}. "
        f"Try using a key other than '{key}' if you meant to execute a different request.",
        type="idempotency_error",
    )
