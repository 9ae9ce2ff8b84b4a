"""
Who asks: bearer tokens from a table, each for one user with groups, as `kube-apiserver --token-auth-file` has it.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from drillyard.base.clock import Clock, SystemClock
from drillyard.cluster.client import ApiError

MASTERS = "system:masters"
AUTHENTICATED = "system:authenticated"


@dataclass(frozen=True)
class User:
    """A user as access rules know one; members of `system:masters` may do everything."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""

    @property
    def all_groups(self) -> tuple[str, ...]:
        return (*self.groups, AUTHENTICATED)


@dataclass
class Tokens:
    """The tokens that are valid now. Kept as digests, so that a look-up takes no hint from how far a guess matches."""

    clock: Clock = field(default_factory=SystemClock)
    _users: dict[bytes, tuple[User, float]] = field(default_factory=dict)

    @classmethod
    def of(cls, users: Mapping[str, User], clock: Clock | None = None) -> Tokens:
        """From a table token → user."""
        tokens = cls(clock or SystemClock())
        for token, user in users.items():
            tokens.add(token, user)
        return tokens

    def add(self, token: str, user: User, *, lifetime_s: float = math.inf) -> None:
        """Makes the token valid, for ever or for a while. Those that have expired are forgotten on the way."""
        now_s = self.clock.monotonic_s()
        self._users = {digest: entry for digest, entry in self._users.items() if entry[1] > now_s}
        self._users[_digest(token)] = (user, now_s + lifetime_s)

    def user_of(self, authorization: str) -> User:
        """The user of an Authorization header. Raises ApiError 401."""
        scheme, _, token = authorization.partition(" ")
        found = self._users.get(_digest(token.strip())) if scheme.lower() == "bearer" else None
        if found is None or found[1] <= self.clock.monotonic_s():
            raise ApiError(401, "Unauthorized", "Unauthorized")
        return found[0]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
