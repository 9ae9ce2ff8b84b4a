"""
carts-db: one cart per customer id (or session id), its items in the order in which they came.

A cart is made when first asked for. Changes lock the cart, so that two quick clicks count as two.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import (
    REAL,
    BigInteger,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from drillyard.shop.database import Database

metadata = MetaData()

cart = Table(
    "cart",
    metadata,
    Column("seq", BigInteger, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("customerId", Text, nullable=False, unique=True),
)

item = Table(
    "item",
    metadata,
    Column("seq", BigInteger, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("cart", BigInteger, ForeignKey("cart.seq", ondelete="CASCADE"), nullable=False),
    Column("itemId", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unitPrice", REAL, nullable=False),
    Index("item_cart", "cart"),
)

_QUANTITY_MAX = 2**31 - 1


class NotInCart(Exception):
    """The cart has no such item."""


@dataclass(frozen=True)
class Item:
    """A row of a cart. `unit_price` is a float32 in dollars."""

    id: str
    item_id: str
    quantity: int
    unit_price: float


class CartStore:
    """Reads and writes carts. Every method raises DatabaseUnavailable when carts-db is away."""

    def __init__(self, database: Database, new_id: object) -> None:
        assert callable(new_id)
        self._database = database
        self._new_id = new_id

    async def touch(self, customer_id: str) -> None:
        """Makes the cart where there is none."""
        async with self._database.transaction() as connection:
            await self._locked(connection, customer_id)

    async def clear(self, customer_id: str) -> None:
        """Removes the cart with its items; fine when there is none."""
        async with self._database.transaction() as connection:
            await connection.execute(delete(cart).where(cart.c.customerId == customer_id))

    async def items(self, customer_id: str) -> list[Item]:
        """The items, oldest first; makes the cart where there is none."""
        query = select(item).join(cart).where(cart.c.customerId == customer_id).order_by(item.c.seq)
        async with self._database.reading() as connection:
            found = [_item(row) for row in (await connection.execute(query)).mappings()]
        if not found:
            await self.touch(customer_id)
        return found

    async def find(self, customer_id: str, item_id: str) -> Item:
        """The first row of that item. Raises NotInCart."""
        for found in await self.items(customer_id):
            if found.item_id == item_id:
                return found
        raise NotInCart(item_id)

    async def add(self, customer_id: str, wanted: Item) -> Item:
        """Stores the item as sent, or adds one to the row that is there, whatever quantity and price were sent."""
        async with self._database.transaction() as connection:
            owner = await self._locked(connection, customer_id)
            present = await _first(connection, owner, wanted.item_id)
            if present is not None:
                more = min(present.quantity + 1, _QUANTITY_MAX)
                await connection.execute(update(item).where(item.c.id == present.id).values(quantity=more))
                return Item(present.id, present.item_id, more, present.unit_price)
            stored = Item(self._new_id(), wanted.item_id, wanted.quantity, wanted.unit_price)
            await connection.execute(insert(item).values(_row(stored, owner)))
            return stored

    async def set_quantity(self, customer_id: str, item_id: str, quantity: int) -> None:
        """Any quantity, also none or less. Raises NotInCart."""
        async with self._database.transaction() as connection:
            present = await self._present(connection, customer_id, item_id)
            await connection.execute(update(item).where(item.c.id == present.id).values(quantity=quantity))

    async def remove(self, customer_id: str, item_id: str) -> None:
        """Removes the first row of that item. Raises NotInCart."""
        async with self._database.transaction() as connection:
            present = await self._present(connection, customer_id, item_id)
            await connection.execute(delete(item).where(item.c.id == present.id))

    async def merge(self, customer_id: str, session_id: str) -> None:
        """Moves every row of the session's cart to the customer's, without adding up, then removes the session's."""
        async with self._database.transaction() as connection:
            # Always locked in the same order, so that two merges cannot wait for each other.
            carts = {key: await self._locked(connection, key) for key in sorted({customer_id, session_id})}
            if session_id == customer_id:
                return
            owner = carts[customer_id]
            query = select(item).where(item.c.cart == carts[session_id]).order_by(item.c.seq)
            moved = [_row(_item(row), owner) for row in (await connection.execute(query)).mappings()]
            await connection.execute(delete(cart).where(cart.c.seq == carts[session_id]))
            if moved:
                await connection.execute(insert(item), moved)

    async def _present(self, connection: AsyncConnection, customer_id: str, item_id: str) -> Item:
        present = await _first(connection, await self._locked(connection, customer_id), item_id)
        if present is None:
            raise NotInCart(item_id)
        return present

    async def _locked(self, connection: AsyncConnection, customer_id: str) -> int:
        """The cart's number, locked until the transaction ends; made where there is none."""
        query = select(cart.c.seq).where(cart.c.customerId == customer_id).with_for_update()
        found = await connection.scalar(query)
        while found is None:
            making = upsert(cart).values({"id": self._new_id(), "customerId": customer_id})
            await connection.execute(making.on_conflict_do_nothing())
            found = await connection.scalar(query)
        return int(found)


async def _first(connection: AsyncConnection, owner: int, item_id: str) -> Item | None:
    query = select(item).where(item.c.cart == owner, item.c.itemId == item_id).order_by(item.c.seq).limit(1)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _item(row)


def _item(row: object) -> Item:
    values = dict(row)  # type: ignore[call-overload]
    return Item(values["id"], values["itemId"], values["quantity"], values["unitPrice"])


def _row(stored: Item, owner: int) -> dict[str, object]:
    return {
        "id": stored.id,
        "cart": owner,
        "itemId": stored.item_id,
        "quantity": stored.quantity,
        "unitPrice": stored.unit_price,
    }
