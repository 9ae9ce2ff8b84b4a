"""
Carts and their items.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables."""
    op.create_table(
        "cart",
        sa.Column("seq", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("customerId", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "item",
        sa.Column("seq", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("cart", sa.BigInteger, sa.ForeignKey("cart.seq", ondelete="CASCADE"), nullable=False),
        sa.Column("itemId", sa.Text, nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("unitPrice", sa.REAL, nullable=False),
    )
    op.create_index("item_cart", "item", ["cart"])


def downgrade() -> None:
    """Drops them."""
    op.drop_table("item")
    op.drop_table("cart")
