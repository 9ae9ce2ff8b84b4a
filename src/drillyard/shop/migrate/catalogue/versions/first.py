"""
Socks and tags, and the ten socks on sale.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TAGS = ("brown", "geek", "formal", "blue", "skin", "red", "action", "sport", "black", "magic", "green")

# Id, name, description, price, count, images, tags in the order served.
_SOCKS = (
    (
        "03fef6ac-1896-4ce8-bd69-b798f85c6e0b",
        "Holy",
        "Full of holes on purpose. Whoever wore the first pair is said to have crossed a lake on foot.",
        99.99,
        1,
        ("holy_1.jpeg", "holy_2.jpeg"),
        ("magic", "action"),
    ),
    (
        "3395a43e-2d88-40de-b95f-e00e1502085b",
        "Colourful",
        "proident occaecat irure et excepteur labore minim nisi amet irure",
        18,
        438,
        ("colourful_socks.jpg", "colourful_socks.jpg"),
        ("brown", "blue"),
    ),
    (
        "510a0d7e-8e83-4193-b483-e27e09ddc34d",
        "SuperSport XL",
        "Made for the second half. No seam, no blister, no excuse. Also rated for swatting the odd bug before release.",
        15,
        820,
        ("puma_1.jpeg", "puma_2.jpeg"),
        ("sport", "black", "formal"),
    ),
    (
        "6d62d909-f957-430e-8689-b5129c0bb75e",
        "Weave special",
        "Limited issue, knitted in the overlay network's own pattern.",
        17.15,
        33,
        ("weave1.jpg", "weave2.jpg"),
        ("geek", "black"),
    ),
    (
        "808a2de1-1aaa-4c25-a9b9-6612e8f29a38",
        "Crossed",
        "For those who sit with one leg over the other and have nothing to prove.",
        17.32,
        738,
        ("cross_1.jpeg", "cross_2.jpeg"),
        ("blue", "red", "action", "formal"),
    ),
    (
        "819e1fbf-8b7e-4f6d-811f-693534916a8b",
        "Figueroa",
        "enim officia aliqua excepteur esse deserunt quis aliquip nostrud anim",
        14,
        808,
        ("WAT.jpg", "WAT2.jpg"),
        ("formal", "green", "blue"),
    ),
    (
        "837ab141-399e-4c1f-9abc-bace40296bac",
        "Cat socks",
        "consequat amet cupidatat minim laborum tempor elit ex consequat in",
        15,
        175,
        ("catsocks.jpg", "catsocks2.jpg"),
        ("brown", "green", "formal"),
    ),
    (
        "a0a4f044-b040-410d-8ead-4de0446aec7e",
        "Nerd leg",
        "A leg that has not seen the sun since the last long-term release. The desk never complained.",
        7.99,
        115,
        ("bit_of_leg_1.jpeg", "bit_of_leg_2.jpeg"),
        ("blue", "skin"),
    ),
    (
        "d3588630-ad8e-49df-bbd7-3167f7efb246",
        "YouTube.sock",
        "Nobody paid us to put that on a sock. If somebody would like to, the foot is still free.",
        10.99,
        801,
        ("youtube_1.jpeg", "youtube_2.jpeg"),
        ("geek", "formal"),
    ),
    (
        "zzz4f044-b040-410d-8ead-4de0446aec7e",
        "Classic",
        "Keep it simple.",
        12,
        127,
        ("classic.jpg", "classic2.jpg"),
        ("brown", "green"),
    ),
)


def upgrade() -> None:
    """Creates and fills the tables."""
    sock = op.create_table(
        "sock",
        sa.Column("sock_id", sa.String(40), primary_key=True),
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("description", sa.String(200), nullable=False),
        sa.Column("price", sa.REAL, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("image_url_1", sa.String(40), nullable=False),
        sa.Column("image_url_2", sa.String(40), nullable=False),
    )
    tag = op.create_table(
        "tag",
        sa.Column("tag_id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("name", sa.String(20), nullable=False, unique=True),
    )
    sock_tag = op.create_table(
        "sock_tag",
        sa.Column("seq", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("sock_id", sa.String(40), sa.ForeignKey("sock.sock_id"), nullable=False),
        sa.Column("tag_id", sa.Integer, sa.ForeignKey("tag.tag_id"), nullable=False),
    )
    op.create_index("sock_tag_sock_id", "sock_tag", ["sock_id"])
    op.create_index("sock_tag_tag_id", "sock_tag", ["tag_id"])
    op.bulk_insert(tag, [{"name": name} for name in _TAGS])
    op.bulk_insert(
        sock,
        [
            {
                "sock_id": sock_id,
                "name": name,
                "description": description,
                "price": price,
                "count": count,
                "image_url_1": f"/catalogue/images/{images[0]}",
                "image_url_2": f"/catalogue/images/{images[1]}",
            }
            for sock_id, name, description, price, count, images, _ in _SOCKS
        ],
    )
    op.bulk_insert(
        sock_tag,
        [{"sock_id": sock_id, "tag_id": _TAGS.index(name) + 1} for sock_id, *_, names in _SOCKS for name in names],
    )


def downgrade() -> None:
    """Drops them."""
    for table in ("sock_tag", "tag", "sock"):
        op.drop_table(table)
