"""
catalogue-db: socks, tags, and which sock has which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import REAL, Column, ForeignKey, Identity, Index, Integer, MetaData, Select, String, Table, func, select

from drillyard.shop.database import Database

metadata = MetaData()

sock = Table(
    "sock",
    metadata,
    Column("sock_id", String(40), primary_key=True),
    Column("name", String(20), nullable=False),
    Column("description", String(200), nullable=False),
    Column("price", REAL, nullable=False),
    Column("count", Integer, nullable=False),
    Column("image_url_1", String(40), nullable=False),
    Column("image_url_2", String(40), nullable=False),
)

tag = Table(
    "tag",
    metadata,
    Column("tag_id", Integer, Identity(), primary_key=True),
    Column("name", String(20), nullable=False, unique=True),
)

sock_tag = Table(
    "sock_tag",
    metadata,
    Column("seq", Integer, Identity(), primary_key=True),  # The order in which a sock's tags are served.
    Column("sock_id", String(40), ForeignKey("sock.sock_id"), nullable=False),
    Column("tag_id", Integer, ForeignKey("tag.tag_id"), nullable=False),
    Index("sock_tag_sock_id", "sock_id"),
    Index("sock_tag_tag_id", "tag_id"),
)


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
        query = _joined().order_by(sock.c.sock_id, sock_tag.c.seq)
        if tags:
            query = query.where(tag.c.name.in_(tags))
        async with self._database.reading() as connection:
            return _grouped((await connection.execute(query)).mappings().all())

    async def count(self, tags: Sequence[str]) -> int:
        """How many socks there are, or have any of the tags."""
        query = select(func.count(sock.c.sock_id.distinct())).select_from(sock)
        if tags:
            query = query.join(sock_tag, sock_tag.c.sock_id == sock.c.sock_id).join(tag).where(tag.c.name.in_(tags))
        async with self._database.reading() as connection:
            return int(await connection.scalar(query) or 0)

    async def find(self, sock_id: str) -> Sock:
        """Raises UnknownSock."""
        query = _joined().where(sock.c.sock_id == sock_id).order_by(sock_tag.c.seq)
        async with self._database.reading() as connection:
            found = _grouped((await connection.execute(query)).mappings().all())
        if not found:
            raise UnknownSock(sock_id)
        return found[0]

    async def tags(self) -> list[str]:
        """All tags in the order in which they were made."""
        async with self._database.reading() as connection:
            return list(await connection.scalars(select(tag.c.name).order_by(tag.c.tag_id)))


def _joined() -> Select[Any]:
    return select(sock, tag.c.name.label("tag_name")).select_from(
        sock.outerjoin(sock_tag, sock_tag.c.sock_id == sock.c.sock_id).outerjoin(tag, tag.c.tag_id == sock_tag.c.tag_id)
    )


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
