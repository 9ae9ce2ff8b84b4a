"""
catalogue-db: socks, tags, and which sock has which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from drillyard.shop.database import Database

_SOCKS = """
    SELECT sock.*, tag.name AS tag_name
    FROM sock LEFT JOIN sock_tag ON sock_tag.sock_id = sock.sock_id LEFT JOIN tag ON tag.tag_id = sock_tag.tag_id
    WHERE $1::text[] IS NULL OR tag.name = ANY($1)
    ORDER BY sock.sock_id, sock_tag.seq
"""
_SOCK = """
    SELECT sock.*, tag.name AS tag_name
    FROM sock LEFT JOIN sock_tag ON sock_tag.sock_id = sock.sock_id LEFT JOIN tag ON tag.tag_id = sock_tag.tag_id
    WHERE sock.sock_id = $1
    ORDER BY sock_tag.seq
"""
_COUNT = """
    SELECT count(DISTINCT sock.sock_id)
    FROM sock LEFT JOIN sock_tag ON sock_tag.sock_id = sock.sock_id LEFT JOIN tag ON tag.tag_id = sock_tag.tag_id
    WHERE $1::text[] IS NULL OR tag.name = ANY($1)
"""
_TAGS = "SELECT name FROM tag ORDER BY tag_id"


class UnknownSock(Exception):
    """There is no sock of this id."""


@dataclass(frozen=True)
class Sock:
    """A sock as it is served. With a filter, `tags` are only those that matched."""

    id: str
    name: str
    description: str
    image_urls: tuple[str, str]
    price: float
    count: int
    tags: tuple[str, ...]


class CatalogueStore:
    """Reads socks. Every method raises DatabaseUnavailable when catalogue-db is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def socks(self, tags: Sequence[str]) -> list[Sock]:
        """All socks in the order of their ids, or those that have any of the tags."""
        async with self._database.reading() as connection:
            return _grouped(await connection.fetch(_SOCKS, list(tags) or None))

    async def count(self, tags: Sequence[str]) -> int:
        """How many socks there are, or have any of the tags."""
        async with self._database.reading() as connection:
            return int(await connection.fetchval(_COUNT, list(tags) or None))

    async def find(self, sock_id: str) -> Sock:
        """Raises UnknownSock."""
        async with self._database.reading() as connection:
            found = _grouped(await connection.fetch(_SOCK, sock_id))
        if not found:
            raise UnknownSock(sock_id)
        return found[0]

    async def tags(self) -> list[str]:
        """All tags in the order in which they were made."""
        async with self._database.reading() as connection:
            return [row["name"] for row in await connection.fetch(_TAGS)]


def _grouped(rows: Sequence[Any]) -> list[Sock]:
    """One sock for the rows of each, with its tags."""
    tags: dict[str, list[str]] = {}
    first: dict[str, Any] = {}
    for row in rows:
        first.setdefault(row["sock_id"], row)
        tags.setdefault(row["sock_id"], [])
        if row["tag_name"] is not None:
            tags[row["sock_id"]].append(row["tag_name"])
    return [
        Sock(
            id=sock_id,
            name=row["name"],
            description=row["description"],
            image_urls=(row["image_url_1"], row["image_url_2"]),
            price=row["price"],
            count=row["count"],
            tags=tuple(tags[sock_id]),
        )
        for sock_id, row in first.items()
    ]
