"""
Long lists in pages: `limit` and `continue` (https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks).

All pages show the store as it was when the first one was asked for; the token names that version and the last object
given out. Once the store has forgotten what happened since, the answer is 410 with a token that goes on from the same
object in today's store, as a real server answers.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from drillyard.cluster.apiserver import status
from drillyard.cluster.apiserver.request import seconds
from drillyard.cluster.apiserver.selection import Selection
from drillyard.cluster.apiserver.store import Store, Stored
from drillyard.cluster.client import ApiError, Object
from drillyard.cluster.resources import Resource

_TODAY = -1  # The version in a token that asks for no consistent list any more.
_TOKEN_MAX = 2_000
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True)
class Page:
    """Some objects, and the list's `metadata`: the version that they show, and what is left."""

    found: list[Stored]
    version: int
    more: Object

    @property
    def metadata(self) -> Object:
        return {"resourceVersion": str(self.version), **self.more}


@dataclass(frozen=True)
class _Token:
    version: int
    after: tuple[str, str]

    def text(self) -> str:
        plain = orjson.dumps({"v": "meta.k8s.io/v1", "rv": self.version, "start": "/".join(self.after)})
        return base64.urlsafe_b64encode(plain).decode().rstrip("=")

    @classmethod
    def of(cls, text: str) -> _Token:
        """Raises ApiError 400 for a token that this server did not give."""
        try:
            if len(text) > _TOKEN_MAX:
                raise ValueError("it is too long")
            plain = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
            version, (namespace, name) = plain["rv"], plain["start"].split("/")
            if not isinstance(version, int) or isinstance(version, bool) or version < _TODAY:
                raise ValueError("it names no version")
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as problem:
            raise status.bad_request(f"continue key is not valid: {problem}") from None
        return cls(version, (namespace, name))


def page_of(
    store: Store, resource: Resource, namespace: str | None, chosen: Selection, query: Mapping[str, str]
) -> Page:
    """The page that a query asks for; all objects where it sets no limit. Raises ApiError 400, 410 and 504."""
    asked, match = version_of(query), query.get("resourceVersionMatch", "")
    limit = seconds(query, "limit") or 0
    token = _Token.of(text) if (text := query.get("continue")) else None
    _must_fit_together(query, asked, match, token)
    if asked > store.version:
        raise status.version_too_large(asked, store.version)
    if token is None and (match == "Exact" or (asked and limit and not match)):
        token = _Token(asked, ("", ""))
        if not store.remembers(asked):
            raise status.expired(asked, store.oldest)
    version = store.version if token is None or token.version == _TODAY else token.version
    if not store.remembers(version):
        assert token is not None
        raise _too_old(token)
    after = token.after if token else ("", "")
    rest = [
        stored
        for stored in store.list_at(resource.key, namespace, version)
        if (stored.namespace, stored.name) > after and chosen.sees(stored)
    ]
    if token is None and query.get("resourceVersion") == "0":
        limit = 0  # "Whatever is at hand": a real server gives all of it from its cache.
    if not limit or len(rest) <= limit:
        return Page(rest, version, {})
    last = rest[limit - 1]
    more: Object = {"continue": _Token(version, (last.namespace, last.name)).text()}
    if chosen.everything:  # With a selector a real server would have to read the rest to count it, and does not.
        more["remainingItemCount"] = len(rest) - limit
    return Page(rest[:limit], version, more)


def version_of(query: Mapping[str, str]) -> int:
    """`resourceVersion`, 0 for none. Raises ApiError 400."""
    text = query.get("resourceVersion") or "0"
    if not text.isdecimal() or len(text) > 18:
        raise status.bad_request(f'resourceVersion: Invalid value: "{text}": it must be a number given by this server')
    return int(text)


def _must_fit_together(query: Mapping[str, str], asked: int, match: str, token: _Token | None) -> None:
    """The rules of `resourceVersion`, `resourceVersionMatch` and `continue` (metainternalversion/validation)."""
    causes = []
    if match:
        if token is not None:
            causes.append(status.forbidden_field("resourceVersionMatch", "is forbidden when continue is provided"))
        if not query.get("resourceVersion"):
            detail = "resourceVersionMatch is forbidden unless resourceVersion is provided"
            causes.append(status.forbidden_field("resourceVersionMatch", detail))
        if match not in ("Exact", "NotOlderThan"):
            causes.append(status.unsupported("resourceVersionMatch", match, ("Exact", "NotOlderThan", "")))
        if match == "Exact" and query.get("resourceVersion") == "0":
            detail = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            causes.append(status.forbidden_field("resourceVersionMatch", detail))
    if causes:
        raise status.invalid("meta.k8s.io", "ListOptions", "", causes)
    if token is not None and asked:
        raise status.bad_request("specifying resource version is not allowed when using continue")


def _too_old(token: _Token) -> ApiError:
    fresh = _Token(_TODAY, token.after).text()
    return ApiError(410, "Expired", _TOO_OLD, metadata={"continue": fresh})
