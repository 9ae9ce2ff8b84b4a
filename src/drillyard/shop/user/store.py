"""
user-db: customers, addresses and cards, each in the order in which they came.

An address or a card belongs to one customer or to nobody. Deleting a customer deletes what belongs to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asyncpg import Record, UniqueViolationError

from drillyard.shop.database import Database


class NotStored(Exception):
    """There is nothing of this id."""


class UsernameTaken(Exception):
    """There is a customer of this name already."""


@dataclass(frozen=True)
class Kind:
    """A collection of the store: its table and the fields that clients send and see, in the order served."""

    table: str
    fields: tuple[str, ...]

    @property
    def columns(self) -> str:
        """The fields as SQL names them."""
        return ", ".join(f'"{field}"' for field in self.fields)


CUSTOMERS = Kind("customers", ("firstName", "lastName", "username"))
ADDRESSES = Kind("addresses", ("street", "number", "country", "city", "postcode"))
CARDS = Kind("cards", ("longNum", "expires", "ccv"))

Entity = dict[str, str]


class UserStore:
    """Reads and writes. Every method raises DatabaseUnavailable when user-db is away, UnfitValue for text with NUL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_customer(self, customer_id: str, values: Entity, password: str) -> None:
        """Stores a customer with a hashed password. Raises UsernameTaken."""
        row = {"id": customer_id, "password": password, **values}
        try:
            async with self._database.reading() as connection:
                await connection.execute(_insert("customers", row), *row.values())
        except UniqueViolationError as problem:
            raise UsernameTaken(values["username"]) from problem

    async def add(self, kind: Kind, entity_id: str, values: Entity, customer_id: str | None) -> None:
        """
        Stores an address or a card.

        Raises NotStored when the customer is unknown: the entity is stored all the same, and belongs to nobody.
        """
        async with self._database.transaction() as connection:
            owner = customer_id
            if customer_id is not None:
                owner = await connection.fetchval(_CUSTOMER_ID, customer_id)
            row = {"id": entity_id, "customerId": owner, **values}
            await connection.execute(_insert(kind.table, row), *row.values())
        if customer_id is not None and owner is None:
            raise NotStored(customer_id)

    async def password_of(self, username: str) -> tuple[Entity, str]:
        """The customer of this name and its stored hash. Raises NotStored."""
        async with self._database.reading() as connection:
            row = await connection.fetchrow("SELECT * FROM customers WHERE username = $1", username)
        if row is None:
            raise NotStored(username)
        return _entity(row, CUSTOMERS), row["password"]

    async def find(self, kind: Kind, entity_id: str) -> Entity:
        """Raises NotStored."""
        async with self._database.reading() as connection:
            row = await connection.fetchrow(f"SELECT id, {kind.columns} FROM {kind.table} WHERE id = $1", entity_id)
        if row is None:
            raise NotStored(entity_id)
        return _entity(row, kind)

    async def all(self, kind: Kind) -> Sequence[Entity]:
        """Everything of a kind."""
        async with self._database.reading() as connection:
            rows = await connection.fetch(f"SELECT id, {kind.columns} FROM {kind.table} ORDER BY seq")
        return [_entity(row, kind) for row in rows]

    async def belonging_to(self, kind: Kind, customer_id: str) -> Sequence[Entity]:
        """A customer's addresses or cards. Raises NotStored when there is no such customer."""
        query = f'SELECT id, {kind.columns} FROM {kind.table} WHERE "customerId" = $1 ORDER BY seq'
        async with self._database.reading() as connection:
            rows = await connection.fetch(query, customer_id)
            if not rows and await connection.fetchval(_CUSTOMER_ID, customer_id) is None:
                raise NotStored(customer_id)
        return [_entity(row, kind) for row in rows]

    async def remove(self, kind: Kind, entity_id: str) -> None:
        """Deletes one entity, and with a customer all that belongs to it. Raises NotStored."""
        async with self._database.transaction() as connection:
            if await connection.fetchval(f"DELETE FROM {kind.table} WHERE id = $1 RETURNING id", entity_id) is None:
                raise NotStored(entity_id)
            if kind is CUSTOMERS:
                for owned in (ADDRESSES, CARDS):
                    await connection.execute(f'DELETE FROM {owned.table} WHERE "customerId" = $1', entity_id)


_CUSTOMER_ID = "SELECT id FROM customers WHERE id = $1"


def _insert(table: str, row: Mapping[str, str | None]) -> str:
    """The statement that stores a row; names of columns are ours, never a client's."""
    columns = ", ".join(f'"{column}"' for column in row)
    places = ", ".join(f"${number}" for number in range(1, len(row) + 1))
    return f"INSERT INTO {table} ({columns}) VALUES ({places})"


def _entity(row: Record, kind: Kind) -> Entity:
    return {**{field: row[field] for field in kind.fields}, "id": row["id"]}
