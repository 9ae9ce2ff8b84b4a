"""
user-db: customers, addresses and cards, each in the order in which they came.

An address or a card belongs to one customer or to nobody. Deleting a customer deletes what belongs to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Identity, Index, MetaData, Table, Text, delete, insert, select
from sqlalchemy.exc import IntegrityError

from drillyard.shop.database import Database

metadata = MetaData()

customers = Table(
    "customers",
    metadata,
    Column("seq", BigInteger, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("firstName", Text, nullable=False),
    Column("lastName", Text, nullable=False),
    Column("username", Text, nullable=False, unique=True),
    Column("email", Text, nullable=False),
    Column("password", Text, nullable=False),
)

addresses = Table(
    "addresses",
    metadata,
    Column("seq", BigInteger, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("customerId", Text),
    Column("street", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("country", Text, nullable=False),
    Column("city", Text, nullable=False),
    Column("postcode", Text, nullable=False),
    Index("addresses_customerId", "customerId"),
)

cards = Table(
    "cards",
    metadata,
    Column("seq", BigInteger, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("customerId", Text),
    Column("longNum", Text, nullable=False),
    Column("expires", Text, nullable=False),
    Column("ccv", Text, nullable=False),
    Index("cards_customerId", "customerId"),
)


class NotStored(Exception):
    """There is nothing of this id."""


class UsernameTaken(Exception):
    """There is a customer of this name already."""


@dataclass(frozen=True)
class Kind:
    """A collection of the store: its table and the fields that clients send and see, in the order served."""

    table: Table
    fields: tuple[str, ...]


CUSTOMERS = Kind(customers, ("firstName", "lastName", "username"))
ADDRESSES = Kind(addresses, ("street", "number", "country", "city", "postcode"))
CARDS = Kind(cards, ("longNum", "expires", "ccv"))

Entity = dict[str, str]


class UserStore:
    """Reads and writes. Every method raises DatabaseUnavailable when user-db is away, UnfitValue for text with NUL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_customer(self, customer_id: str, values: Entity, password: str) -> None:
        """Stores a customer with a hashed password. Raises UsernameTaken."""
        row = {"id": customer_id, "password": password, **values}
        try:
            async with self._database.transaction() as connection:
                await connection.execute(insert(customers).values(row))
        except IntegrityError as problem:
            raise UsernameTaken(values["username"]) from problem

    async def add(self, kind: Kind, entity_id: str, values: Entity, customer_id: str | None) -> None:
        """
        Stores an address or a card.

        Raises NotStored when the customer is unknown: the entity is stored all the same, and belongs to nobody.
        """
        async with self._database.transaction() as connection:
            owner = customer_id
            if customer_id is not None:
                owner = await connection.scalar(select(customers.c.id).where(customers.c.id == customer_id))
            await connection.execute(insert(kind.table).values({"id": entity_id, "customerId": owner, **values}))
        if customer_id is not None and owner is None:
            raise NotStored(customer_id)

    async def password_of(self, username: str) -> tuple[Entity, str]:
        """The customer of this name and its stored hash. Raises NotStored."""
        query = select(customers).where(customers.c.username == username)
        async with self._database.reading() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            raise NotStored(username)
        return _entity(row._mapping, CUSTOMERS), row._mapping["password"]

    async def find(self, kind: Kind, entity_id: str) -> Entity:
        """Raises NotStored."""
        async with self._database.reading() as connection:
            row = (await connection.execute(select(kind.table).where(kind.table.c.id == entity_id))).first()
        if row is None:
            raise NotStored(entity_id)
        return _entity(row._mapping, kind)

    async def all(self, kind: Kind) -> Sequence[Entity]:
        """Everything of a kind."""
        async with self._database.reading() as connection:
            rows = await connection.execute(select(kind.table).order_by(kind.table.c.seq))
            return [_entity(row._mapping, kind) for row in rows]

    async def belonging_to(self, kind: Kind, customer_id: str) -> Sequence[Entity]:
        """A customer's addresses or cards. Raises NotStored when there is no such customer."""
        query = select(kind.table).where(kind.table.c.customerId == customer_id).order_by(kind.table.c.seq)
        async with self._database.reading() as connection:
            rows = [_entity(row._mapping, kind) for row in await connection.execute(query)]
            if not rows:
                known = await connection.scalar(select(customers.c.id).where(customers.c.id == customer_id))
                if known is None:
                    raise NotStored(customer_id)
        return rows

    async def remove(self, kind: Kind, entity_id: str) -> None:
        """Deletes one entity, and with a customer all that belongs to it. Raises NotStored."""
        async with self._database.transaction() as connection:
            gone = await connection.execute(delete(kind.table).where(kind.table.c.id == entity_id))
            if gone.rowcount == 0:
                raise NotStored(entity_id)
            if kind is CUSTOMERS:
                for table in (addresses, cards):
                    await connection.execute(delete(table).where(table.c.customerId == entity_id))


def _entity(row: Any, kind: Kind) -> Entity:
    return {**{field: row[field] for field in kind.fields}, "id": row["id"]}
