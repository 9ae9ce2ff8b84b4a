"""
Orders, and every status they ever had.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "customerOrder",
        sa.Column("seq", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("customerId", sa.Text, nullable=False),
        sa.Column("customer", JSONB, nullable=False),
        sa.Column("address", JSONB, nullable=False),
        sa.Column("card", JSONB, nullable=False),
        sa.Column("items", JSONB, nullable=False),
        sa.Column("shipment", JSONB),
        sa.Column("date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("total", sa.Double, nullable=False),
        sa.Column("totalCents", sa.BigInteger, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
    )
    op.create_index("customerOrder_customerId", "customerOrder", ["customerId"])
    op.create_table(
        "orderStatus",
        sa.Column("seq", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("orderId", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("orderStatus_orderId", "orderStatus", ["orderId"])


def downgrade() -> None:
    """Drops them."""
    op.drop_table("orderStatus")
    op.drop_table("customerOrder")
