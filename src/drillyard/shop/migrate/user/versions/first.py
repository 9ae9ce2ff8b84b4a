"""
Customers, addresses and cards, and the three customers whom everybody knows.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from drillyard.shop.passwords import hash_password

revision = "0001"
down_revision = None

# The last address and the last card belong to nobody, as in the original.
_CUSTOMERS = (
    ("57a98d98e4b00679b4a830af", "Eve", "Berger", "Eve_Berger", "eve"),
    ("57a98d98e4b00679b4a830b2", "User", "Name", "user", "password"),
    ("57a98d98e4b00679b4a830b5", "User1", "Name1", "user1", "password"),
)
_UK = "United Kingdom"
_ADDRESSES = (
    ("57a98d98e4b00679b4a830ad", "57a98d98e4b00679b4a830af", "246", "Whitelees Road", "Glasgow", "G67 3DL", _UK),
    ("57a98d98e4b00679b4a830b0", "57a98d98e4b00679b4a830b2", "246", "Whitelees Road", "Glasgow", "G67 3DL", _UK),
    ("57a98d98e4b00679b4a830b3", "57a98d98e4b00679b4a830b5", "4", "Maes-Y-Deri", "Aberdare", "CF44 6TF", _UK),
    ("57a98ddce4b00679b4a830d1", None, "3", "my road", "London", "", "UK"),
)
_CARDS = (
    ("57a98d98e4b00679b4a830ae", "57a98d98e4b00679b4a830af", "5953580604169678", "08/19", "678"),
    ("57a98d98e4b00679b4a830b1", "57a98d98e4b00679b4a830b2", "5544154011345918", "08/19", "958"),
    ("57a98d98e4b00679b4a830b4", "57a98d98e4b00679b4a830b5", "0908415193175205", "08/19", "280"),
    ("57a98ddce4b00679b4a830d2", None, "5429804235432", "04/16", "432"),
)


def upgrade() -> None:
    """Creates and fills the tables."""
    customers = op.create_table(
        "customers",
        sa.Column("seq", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("firstName", sa.Text, nullable=False),
        sa.Column("lastName", sa.Text, nullable=False),
        sa.Column("username", sa.Text, nullable=False, unique=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("password", sa.Text, nullable=False),
    )
    addresses = op.create_table(
        "addresses",
        sa.Column("seq", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("customerId", sa.Text),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("street", "number", "country", "city", "postcode")),
    )
    op.create_index("addresses_customerId", "addresses", ["customerId"])
    cards = op.create_table(
        "cards",
        sa.Column("seq", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("customerId", sa.Text),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("longNum", "expires", "ccv")),
    )
    op.create_index("cards_customerId", "cards", ["customerId"])
    op.bulk_insert(
        customers,
        [
            dict(
                zip(
                    ("id", "firstName", "lastName", "username", "password", "email"),
                    (*names, hash_password(password), ""),
                    strict=True,
                )
            )
            for *names, password in _CUSTOMERS
        ],
    )
    address_keys = ("id", "customerId", "number", "street", "city", "postcode", "country")
    op.bulk_insert(addresses, [dict(zip(address_keys, row, strict=True)) for row in _ADDRESSES])
    card_keys = ("id", "customerId", "longNum", "expires", "ccv")
    op.bulk_insert(cards, [dict(zip(card_keys, row, strict=True)) for row in _CARDS])


def downgrade() -> None:
    """Drops them."""
    for table in ("cards", "addresses", "customers"):
        op.drop_table(table)
