"""
carts-db: one cart per customer id (or session id), its items in the order in which they came.

A cart is made when first asked for. Changes lock the cart, so that two quick clicks count as two.
"""

from __future__ import annotations

from dataclasses import dataclass

from asyncpg import Connection, Record

from drillyard.shop.database import Database

_QUANTITY_MAX = 2**31 - 1

_CART_LOCKED = 'SELECT seq FROM cart WHERE "customerId" = $1 FOR UPDATE'
_MAKE_CART = 'INSERT INTO cart (id, "customerId") VALUES ($1, $2) ON CONFLICT DO NOTHING'
_LOCK_OR_MAKE_CART = """
    INSERT INTO cart (id, "customerId") VALUES ($1, $2)
    ON CONFLICT ("customerId") DO UPDATE SET "customerId" = EXCLUDED."customerId" RETURNING seq
"""
_CLEAR = 'DELETE FROM cart WHERE "customerId" = $1'
_REMOVE_CART = "DELETE FROM cart WHERE seq = $1"
_ITEMS = """
    SELECT item.* FROM item JOIN cart ON cart.seq = item.cart WHERE cart."customerId" = $1 ORDER BY item.seq
"""
_ITEMS_OF_CART = "SELECT * FROM item WHERE cart = $1 ORDER BY seq"
_FIRST_ITEM = 'SELECT * FROM item WHERE cart = $1 AND "itemId" = $2 ORDER BY seq LIMIT 1'
_ADD_ITEM = f"""
    WITH present AS (SELECT seq FROM item WHERE cart = $2 AND "itemId" = $3 ORDER BY seq LIMIT 1),
    more AS (
        UPDATE item SET quantity = quantity + CASE WHEN quantity < {_QUANTITY_MAX} THEN 1 ELSE 0 END
        FROM present WHERE item.seq = present.seq RETURNING item.*
    ),
    stored AS (
        INSERT INTO item (id, cart, "itemId", quantity, "unitPrice")
        SELECT $1::text, $2::bigint, $3::text, $4::integer, $5::real WHERE NOT EXISTS (SELECT FROM present) RETURNING *
    )
    SELECT * FROM more UNION ALL SELECT * FROM stored
"""
_INSERT_ITEM = 'INSERT INTO item (id, cart, "itemId", quantity, "unitPrice") VALUES ($1, $2, $3, $4, $5)'
_SET_QUANTITY = "UPDATE item SET quantity = $2 WHERE id = $1"
_REMOVE_ITEM = "DELETE FROM item WHERE id = $1"


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
        async with self._database.reading() as connection:
            await connection.execute(_MAKE_CART, self._new_id(), customer_id)

    async def clear(self, customer_id: str) -> None:
        """Removes the cart with its items; fine when there is none."""
        async with self._database.reading() as connection:
            await connection.execute(_CLEAR, customer_id)

    async def items(self, customer_id: str) -> list[Item]:
        """The items, oldest first; makes the cart where there is none."""
        async with self._database.reading() as connection:
            found = [_item(row) for row in await connection.fetch(_ITEMS, customer_id)]
            if not found:
                await connection.execute(_MAKE_CART, self._new_id(), customer_id)
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
            # Locked by a statement of its own: what waited for the lock must see what its holder stored.
            owner = await connection.fetchval(_LOCK_OR_MAKE_CART, self._new_id(), customer_id)
            new = Item(self._new_id(), wanted.item_id, wanted.quantity, wanted.unit_price)
            return _item(await connection.fetchrow(_ADD_ITEM, *_row(new, owner)))

    async def set_quantity(self, customer_id: str, item_id: str, quantity: int) -> None:
        """Any quantity, also none or less. Raises NotInCart."""
        async with self._database.transaction() as connection:
            present = await self._present(connection, customer_id, item_id)
            await connection.execute(_SET_QUANTITY, present.id, quantity)

    async def remove(self, customer_id: str, item_id: str) -> None:
        """Removes the first row of that item. Raises NotInCart."""
        async with self._database.transaction() as connection:
            present = await self._present(connection, customer_id, item_id)
            await connection.execute(_REMOVE_ITEM, present.id)

    async def merge(self, customer_id: str, session_id: str) -> None:
        """Moves every row of the session's cart to the customer's, without adding up, then removes the session's."""
        async with self._database.transaction() as connection:
            # Always locked in the same order, so that two merges cannot wait for each other.
            carts = {key: await self._locked(connection, key) for key in sorted({customer_id, session_id})}
            if session_id == customer_id:
                return
            rows = await connection.fetch(_ITEMS_OF_CART, carts[session_id])
            await connection.execute(_REMOVE_CART, carts[session_id])
            if rows:
                await connection.executemany(_INSERT_ITEM, [_row(_item(row), carts[customer_id]) for row in rows])

    async def _present(self, connection: Connection, customer_id: str, item_id: str) -> Item:
        present = await _first(connection, await self._locked(connection, customer_id), item_id)
        if present is None:
            raise NotInCart(item_id)
        return present

    async def _locked(self, connection: Connection, customer_id: str) -> int:
        """The cart's number, locked until the transaction ends; made where there is none."""
        found = await connection.fetchval(_CART_LOCKED, customer_id)
        while found is None:
            await connection.execute(_MAKE_CART, self._new_id(), customer_id)
            found = await connection.fetchval(_CART_LOCKED, customer_id)
        return int(found)


async def _first(connection: Connection, owner: int, item_id: str) -> Item | None:
    row = await connection.fetchrow(_FIRST_ITEM, owner, item_id)
    return None if row is None else _item(row)


def _item(row: Record) -> Item:
    return Item(row["id"], row["itemId"], row["quantity"], row["unitPrice"])


def _row(stored: Item, owner: int) -> tuple[str, int, str, int, float]:
    return stored.id, owner, stored.item_id, stored.quantity, stored.unit_price
