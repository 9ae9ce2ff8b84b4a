"""
orders-db: every order with its status, and every status it ever had with the time.

The order's row and its history change in one transaction, under the row's lock, so that two writers (orders itself and
queue-master's report) cannot both pass a check that only one may pass.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    MetaData,
    Table,
    Text,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Row

from drillyard.shop.database import Database
from drillyard.shop.money import shortest
from drillyard.shop.orders.status import IllegalTransition, Status, may_become

metadata = MetaData()

customer_order = Table(
    "customerOrder",
    metadata,
    Column("seq", BigInteger, Identity(), primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("customerId", Text, nullable=False),
    Column("customer", JSONB, nullable=False),
    Column("address", JSONB, nullable=False),
    Column("card", JSONB, nullable=False),
    Column("items", JSONB, nullable=False),
    Column("shipment", JSONB(none_as_null=True)),
    Column("date", DateTime(timezone=True), nullable=False),
    Column("total", Double, nullable=False),
    Column("totalCents", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Index("customerOrder_customerId", "customerId"),
)

order_status = Table(
    "orderStatus",
    metadata,
    Column("seq", BigInteger, Identity(), primary_key=True),
    Column("orderId", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("orderStatus_orderId", "orderId"),
)


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
        async with self._database.transaction() as connection:
            await connection.execute(
                insert(customer_order).values(
                    {
                        "id": order.id,
                        "customerId": order.customer_id,
                        "customer": order.customer,
                        "address": order.address,
                        "card": order.card,
                        "items": order.items,
                        "shipment": order.shipment,
                        "date": order.date,
                        "total": order.total,
                        "totalCents": order.total_cents,
                        "status": order.status.value,
                    }
                )
            )
            await connection.execute(_history(order.id, order.status))

    async def change_status(self, order_id: str, wanted: Status) -> bool:
        """
        Moves the order on and notes the time. False when it is SHIPPED already and SHIPPED is wanted again.

        Raises UnknownOrder, IllegalTransition.
        """
        async with self._database.transaction() as connection:
            found = await connection.scalar(
                select(customer_order.c.status).where(customer_order.c.id == order_id).with_for_update()
            )
            if found is None:
                raise UnknownOrder(order_id)
            current = Status(found)
            if current is wanted is Status.SHIPPED:
                return False
            if not may_become(current, wanted):
                raise IllegalTransition(order_id, current, wanted)
            await connection.execute(
                update(customer_order).where(customer_order.c.id == order_id).values(status=wanted.value)
            )
            await connection.execute(_history(order_id, wanted))
        return True

    async def add_shipment(self, order_id: str, shipment: dict[str, Any]) -> None:
        """Stores what shipping answered; the status is left alone, since the shipment may be done by now."""
        async with self._database.transaction() as connection:
            await connection.execute(
                update(customer_order).where(customer_order.c.id == order_id).values(shipment=shipment)
            )

    async def find(self, order_id: str) -> Order:
        """Raises UnknownOrder."""
        async with self._database.reading() as connection:
            row = (await connection.execute(select(customer_order).where(customer_order.c.id == order_id))).first()
        if row is None:
            raise UnknownOrder(order_id)
        return _order(row)

    async def history(self, order_id: str) -> list[StatusChange]:
        """Every status that the order ever had, in the order in which they were stored; none for an unknown order."""
        query = select(order_status.c.status, order_status.c.at).where(order_status.c.orderId == order_id)
        async with self._database.reading() as connection:
            rows = await connection.execute(query.order_by(order_status.c.seq))
            return [StatusChange(Status(row.status), row.at) for row in rows]

    async def of_customer(self, customer_id: str) -> list[Order]:
        """All orders of a customer, in the order in which they were placed."""
        query = select(customer_order).where(customer_order.c.customerId == customer_id)
        async with self._database.reading() as connection:
            return [_order(row) for row in await connection.execute(query.order_by(customer_order.c.seq))]

    async def page(self, offset: int, limit: int | None) -> tuple[list[Order], int]:
        """So many orders after an offset (all of them without a limit), and how many there are in all."""
        query = select(customer_order).order_by(customer_order.c.seq)
        if limit is not None:
            query = query.offset(offset).limit(limit)
        async with self._database.reading() as connection:
            orders = [_order(row) for row in await connection.execute(query)]
            if limit is None:
                return orders, len(orders)
            total = await connection.scalar(select(func.count()).select_from(customer_order))
        return orders, int(total or 0)


def with_status(order: Order, status: Status, shipment: dict[str, Any] | None = None) -> Order:
    """The same order as it is after a change that was stored."""
    return replace(order, status=status, shipment=shipment)


def _history(order_id: str, status: Status) -> Any:
    return insert(order_status).values({"orderId": order_id, "status": status.value, "at": datetime.now(UTC)})


def _order(row: Row[Any]) -> Order:
    values = row._mapping
    return Order(
        id=values["id"],
        customer_id=values["customerId"],
        customer=values["customer"],
        address=values["address"],
        card=values["card"],
        items=values["items"],
        shipment=values["shipment"],
        date=values["date"],
        total=shortest(values["total"]),
        total_cents=values["totalCents"],
        status=Status(values["status"]),
    )
