"""
What a shopper buys: chosen by the seed alone, and priced as the shop prices it.

The choice depends on the drill's seed and the order's number, not on who places it or when, so a drill played again
with its seed buys the same socks. The total is worked out here once more, to be held against what the shop says.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SHIPPING_FEE = 4.99
QUANTITY_MAX = 3


@dataclass(frozen=True)
class Sock:
    """A sock on offer. `price` is the float that the catalogue serves."""

    id: str
    name: str
    price: float


@dataclass(frozen=True)
class Basket:
    """One kind of sock, `quantity` times. The total includes the shop's fixed fee for shipping."""

    sock: Sock
    quantity: int

    @property
    def total_cents(self) -> int:
        return total_cents([(self.quantity, self.sock.price)])


def float32(value: float) -> float:
    """The nearest 32-bit float: the shop reckons in them, so 104.98 is 104.979996 there."""
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def total_cents(lines: Iterable[tuple[int, float]]) -> int:
    """
    The total of an order in cents, from (quantity, unit price) lines.

    As the original does it: each line in float32, their sum in double, then to float32, and the fee added in float32.
    """
    amount = sum(float32(quantity * float32(price)) for quantity, price in lines)
    return cents(float32(float32(amount) + float32(SHIPPING_FEE)))


def cents(amount: float) -> int:
    """An amount of the wire (104.979996) in cents (10498)."""
    return round(amount * 100)


def choose_basket(socks: Sequence[Sock], *, seed: int, number: int, total_max_cents: int) -> Basket | None:
    """The basket of the drill's order `number`; None when no sock is cheap enough. Same arguments, same basket."""
    affordable = [
        basket
        for sock in sorted(socks, key=lambda sock: sock.id)
        for basket in (Basket(sock, quantity) for quantity in range(1, QUANTITY_MAX + 1))
        if basket.total_cents <= total_max_cents
    ]
    return random.Random(f"{seed}/{number}").choice(affordable) if affordable else None
