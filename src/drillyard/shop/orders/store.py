"""
orders-db: every order with its status, and every status it ever had with the time.

The order's row and its history change in one statement that checks the status it finds, so that two writers (orders
itself and queue-master's report) cannot both pass a check that only one may pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson
from asyncpg import Record

from drillyard.shop.database import Database
from drillyard.shop.money import shortest
from drillyard.shop.orders.status import IllegalTransition, Status, may_become

_CREATE = """
    WITH stored AS (
        INSERT INTO "customerOrder"
            (id, "customerId", customer, address, card, items, shipment, date, total, "totalCents", status)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    )
    INSERT INTO "orderStatus" ("orderId", status, at) VALUES ($1, $11, $12)
"""
_STATUS = 'SELECT status FROM "customerOrder" WHERE id = $1'
_CHANGE_STATUS = """
    WITH changed AS (UPDATE "customerOrder" SET status = $2 WHERE id = $1 AND status = ANY($3) RETURNING id)
    INSERT INTO "orderStatus" ("orderId", status, at) SELECT id, $2, $4 FROM changed RETURNING "orderId"
"""
_ADD_SHIPMENT = 'UPDATE "customerOrder" SET shipment = $2 WHERE id = $1'
_HISTORY = 'SELECT status, at FROM "orderStatus" WHERE "orderId" = $1 ORDER BY seq'
_FIND = 'SELECT * FROM "customerOrder" WHERE id = $1'
_OF_CUSTOMER = 'SELECT * FROM "customerOrder" WHERE "customerId" = $1 ORDER BY seq'
_PAGE = 'SELECT * FROM "customerOrder" ORDER BY seq OFFSET $1 LIMIT $2'
_COUNT = 'SELECT count(*) FROM "customerOrder"'


class UnknownOrder(Exception):
    """There is no order of this id."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One order. `total` is the wire's float32 in dollars (shortest text), `total_cents` the exact amount."""

    id: str
    customer_id: str
    customer: dict[str, Any]
    address: dict[str, Any]
    card: dict[str, Any]
    items: list[dict[str, Any]]
    shipment: dict[str, Any] | None
    date: datetime
    total: float
    total_cents: int
    status: Status


@dataclass(frozen=True)
class StatusChange:
    """A status that an order had, and since when."""

    status: Status
    at: datetime


class OrderStore:
    """Reads and writes orders. Every method raises DatabaseUnavailable when orders-db is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, order: Order) -> None:
        """Stores a new order with the first entry of its history."""
        async with self._database.reading() as connection:
            await connection.execute(
                _CREATE,
                order.id,
                order.customer_id,
                _json(order.customer),
                _json(order.address),
                _json(order.card),
                _json(order.items),
                _json(order.shipment),
                order.date,
                order.total,
                order.total_cents,
                order.status.value,
                datetime.now(UTC),
            )

    async def change_status(self, order_id: str, wanted: Status) -> bool:
        """
        Moves the order on and notes the time. False when it is SHIPPED already and SHIPPED is wanted again.

        Raises UnknownOrder, IllegalTransition.
        """
        before = [status.value for status in Status if may_become(status, wanted)]
        async with self._database.reading() as connection:
            while not await connection.fetchval(_CHANGE_STATUS, order_id, wanted.value, before, datetime.now(UTC)):
                found = await connection.fetchval(_STATUS, order_id)
                if found is None:
                    raise UnknownOrder(order_id)
                current = Status(found)
                if current is wanted is Status.SHIPPED:
                    return False
                if not may_become(current, wanted):
                    raise IllegalTransition(order_id, current, wanted)
        return True

    async def add_shipment(self, order_id: str, shipment: dict[str, Any]) -> None:
        """Stores what shipping answered; the status is left alone, since the shipment may be done by now."""
        async with self._database.reading() as connection:
            await connection.execute(_ADD_SHIPMENT, order_id, _json(shipment))

    async def find(self, order_id: str) -> Order:
        """Raises UnknownOrder."""
        async with self._database.reading() as connection:
            row = await connection.fetchrow(_FIND, order_id)
        if row is None:
            raise UnknownOrder(order_id)
        return _order(row)

    async def history(self, order_id: str) -> list[StatusChange]:
        """Every status that the order ever had, in the order in which they were stored; none for an unknown order."""
        async with self._database.reading() as connection:
            rows = await connection.fetch(_HISTORY, order_id)
        return [StatusChange(Status(row["status"]), row["at"]) for row in rows]

    async def of_customer(self, customer_id: str) -> list[Order]:
        """All orders of a customer, in the order in which they were placed."""
        async with self._database.reading() as connection:
            return [_order(row) for row in await connection.fetch(_OF_CUSTOMER, customer_id)]

    async def page(self, offset: int, limit: int | None) -> tuple[list[Order], int]:
        """So many orders after an offset (all of them without a limit), and how many there are in all."""
        async with self._database.reading() as connection:
            orders = [_order(row) for row in await connection.fetch(_PAGE, 0 if limit is None else offset, limit)]
            if limit is None:
                return orders, len(orders)
            return orders, await connection.fetchval(_COUNT)


def with_status(order: Order, status: Status, shipment: dict[str, Any] | None = None) -> Order:
    """The same order as it is after a change that was stored."""
    return replace(order, status=status, shipment=shipment)


def _json(value: object) -> str | None:
    """How asyncpg takes a JSONB value; SQL's NULL for None."""
    return None if value is None else orjson.dumps(value).decode()


def _order(row: Record) -> Order:
    return Order(
        id=row["id"],
        customer_id=row["customerId"],
        customer=orjson.loads(row["customer"]),
        address=orjson.loads(row["address"]),
        card=orjson.loads(row["card"]),
        items=orjson.loads(row["items"]),
        shipment=orjson.loads(row["shipment"]) if row["shipment"] is not None else None,
        date=row["date"],
        total=shortest(row["total"]),
        total_cents=row["totalCents"],
        status=Status(row["status"]),
    )
