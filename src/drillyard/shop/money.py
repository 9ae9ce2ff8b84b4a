"""
Money: integer cents inside, IEEE single precision where the original's wire format has it.

The original adds Java floats, so that 99.99 + 4.99 is served as 104.979996. We compute the same float for the wire,
and keep exact cents beside it.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

SHIPPING_CENTS = 499
CENTS_MAX = 10**15


def float32(value: float) -> float:
    """The nearest single-precision number; infinite beyond its range."""
    try:
        result: float = struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return result


def shortest(value: float) -> float:
    """
    The double whose text is the shortest that reads back as the same float32: 104.979996, not 104.97999572753906.

    That is what Java's and Go's float printing gives, and what a JSON printer then writes.
    """
    single = float32(value)
    if not math.isfinite(single):
        return single
    for digits in range(1, 10):
        candidate = float(f"{single:.{digits}g}")
        if float32(candidate) == single:
            return candidate
    return single


def go_number(value: float) -> float | int:
    """A float32 as Go's JSON prints it: shortest, and 15 rather than 15.0."""
    short = shortest(value)
    return int(short) if math.isfinite(short) and short == int(short) and abs(short) < 1e21 else short


class JavaFloat(float):
    """A float that Java writes in scientific notation: `1.0E7` from ten million on, `9.9E-4` below a thousandth."""

    def __str__(self) -> str:
        digits, _, exponent = f"{Decimal(repr(float(self))).normalize():e}".partition("e")
        return f"{digits if '.' in digits else digits + '.0'}E{int(exponent)}"


def java_number(value: float) -> float | str:
    """
    A float32 as Jackson prints it (Java's Float.toString): shortest with a decimal point, a JavaFloat where Java writes
    an exponent; what is not finite becomes a string.
    """
    short = shortest(value)
    if math.isfinite(short):
        return JavaFloat(short) if abs(short) >= 1e7 or 0 < abs(short) < 1e-3 else short
    return "NaN" if math.isnan(short) else ("Infinity" if short > 0 else "-Infinity")


@dataclass(frozen=True)
class Line:
    """Some of one sock: how many, at which price each (float32, in dollars)."""

    quantity: int
    unit_price: float


def wire_total(lines: Iterable[Line]) -> float:
    """Lines plus shipping as the original adds: each line a float32, summed in double, shipping added in float32."""
    goods = float32(sum(float32(line.quantity * float32(line.unit_price)) for line in lines))
    return float32(goods + float32(SHIPPING_CENTS / 100))


def total_cents(lines: Iterable[Line]) -> int:
    """Lines plus shipping in cents, exactly. Raises ValueError where that is no amount of money."""
    cents = SHIPPING_CENTS
    for line in lines:
        try:
            exact = Decimal(repr(shortest(line.unit_price))) * line.quantity * 100
            cents += int(exact.quantize(Decimal(1), ROUND_HALF_UP))
        except (InvalidOperation, ValueError, OverflowError) as problem:
            raise ValueError(f"{line} is no amount of money") from problem
    if abs(cents) > CENTS_MAX:
        raise ValueError(f"{cents} cents is more than this shop can charge")
    return cents
