"""
Draws the catalogue's pictures, so that none of them is anybody else's: a sock with its pattern, alone and as a pair.

Run by hand when a pattern changes; the pictures are shipped, and the service never draws. Needs Pillow, which the shop
does not install: `python -m drillyard.shop.catalogue.draw FOLDER` in an environment that has it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 450, 600
_SCALE = 3  # Drawn larger, then shrunk: that smooths the edges.
_QUALITY = 82

Colour = tuple[int, int, int]
Pattern = Callable[[Any, Sequence[Colour]], None]

# The outline of a sock in hundredths of the picture: leg, heel, foot, toe.
_LEG = ((36, 8), (64, 8), (64, 44))
_HEEL_TO_TOE = ((66, 56), (74, 64), (84, 70), (92, 78), (90, 88), (80, 92), (66, 91), (50, 84), (38, 72), (34, 60))


@dataclass(frozen=True)
class Design:
    """The pictures of one sock: their file names, the pattern, its colours (the first is the ground)."""

    files: tuple[str, ...]
    pattern: Pattern
    colours: tuple[Colour, ...]


def _at(x: float, y: float) -> tuple[float, float]:
    return x / 100 * WIDTH * _SCALE, y / 100 * HEIGHT * _SCALE


def _stripes(pen: Any, colours: Sequence[Colour]) -> None:
    for index, y in enumerate(range(0, 100, 5)):
        pen.rectangle((*_at(0, y), *_at(100, y + 5)), fill=colours[index % len(colours)])


def _holes(pen: Any, colours: Sequence[Colour]) -> None:
    for index in range(40):
        x, y = (index * 37) % 100, (index * 61) % 100
        size = 2 + index % 4
        pen.ellipse((*_at(x, y), *_at(x + size * 1.3, y + size)), fill=colours[1])


def _weave(pen: Any, colours: Sequence[Colour]) -> None:
    for row in range(25):
        for column in range(25):
            if (row + column) % 2:
                pen.rectangle((*_at(column * 4, row * 4), *_at(column * 4 + 4, row * 4 + 4)), fill=colours[1])


def _crosses(pen: Any, colours: Sequence[Colour]) -> None:
    for index in range(-100, 120, 10):
        pen.line((*_at(index, 0), *_at(index + 100, 100)), fill=colours[1], width=9 * _SCALE)
        pen.line((*_at(index + 100, 0), *_at(index, 100)), fill=colours[2], width=9 * _SCALE)


def _zigzag(pen: Any, colours: Sequence[Colour]) -> None:
    for index, y in enumerate(range(-4, 104, 8)):
        points = [_at(x, y + (4 if (x // 5) % 2 else 0)) for x in range(0, 105, 5)]
        pen.line(points, fill=colours[1 + index % (len(colours) - 1)], width=8 * _SCALE, joint="curve")


def _cats(pen: Any, colours: Sequence[Colour]) -> None:
    for row, y in enumerate(range(10, 100, 13)):
        for x in range(34 + row % 2 * 7, 100, 14):
            pen.ellipse((*_at(x, y), *_at(x + 9, y + 7)), fill=colours[1])
            pen.polygon((_at(x, y + 3), _at(x + 1, y - 2), _at(x + 4, y + 1)), fill=colours[1])
            pen.polygon((_at(x + 9, y + 3), _at(x + 8, y - 2), _at(x + 5, y + 1)), fill=colours[1])
            for eye in (2.5, 5.5):
                pen.ellipse((*_at(x + eye, y + 2.5), *_at(x + eye + 1.2, y + 3.8)), fill=colours[2])


def _dots(pen: Any, colours: Sequence[Colour]) -> None:
    for row, y in enumerate(range(0, 100, 6)):
        for x in range(row % 2 * 4, 100, 8):
            pen.ellipse((*_at(x, y), *_at(x + 2.6, y + 2)), fill=colours[1 + (row + x) % (len(colours) - 1)])


def _arrows(pen: Any, colours: Sequence[Colour]) -> None:
    for y in range(14, 100, 18):
        for x in range(38, 100, 18):
            pen.rounded_rectangle((*_at(x, y), *_at(x + 12, y + 7)), radius=6 * _SCALE, fill=colours[1])
            pen.polygon((_at(x + 4.5, y + 1.5), _at(x + 4.5, y + 5.5), _at(x + 8.5, y + 3.5)), fill=colours[0])


def _rings(pen: Any, colours: Sequence[Colour]) -> None:
    pen.rectangle((*_at(0, 12), *_at(100, 16)), fill=colours[1])
    pen.rectangle((*_at(0, 19), *_at(100, 21)), fill=colours[1])


def _bounce(pen: Any, colours: Sequence[Colour]) -> None:
    points = [_at(30 + step * 0.7, 60 + 22 * math.sin(step / 9)) for step in range(100)]
    pen.line(points, fill=colours[1], width=14 * _SCALE, joint="curve")
    pen.rectangle((*_at(0, 10), *_at(100, 14)), fill=colours[1])


DESIGNS = (
    Design(("holy_1.jpeg", "holy_2.jpeg"), _holes, ((214, 205, 233), (248, 246, 252))),
    Design(
        ("colourful_socks.jpg",),
        _stripes,
        ((229, 80, 57), (246, 185, 59), (96, 163, 188), (120, 180, 80), (140, 90, 160)),
    ),
    Design(("puma_1.jpeg", "puma_2.jpeg"), _bounce, ((38, 38, 46), (240, 240, 240))),
    Design(("weave1.jpg", "weave2.jpg"), _weave, ((52, 60, 80), (240, 112, 64))),
    Design(("cross_1.jpeg", "cross_2.jpeg"), _crosses, ((52, 100, 170), (200, 60, 60), (232, 226, 210))),
    Design(("WAT.jpg", "WAT2.jpg"), _zigzag, ((34, 110, 90), (180, 220, 120), (60, 120, 200))),
    Design(("catsocks.jpg", "catsocks2.jpg"), _cats, ((150, 106, 70), (70, 48, 34), (190, 230, 120))),
    Design(("bit_of_leg_1.jpeg", "bit_of_leg_2.jpeg"), _dots, ((236, 196, 168), (96, 140, 200), (250, 240, 230))),
    Design(("youtube_1.jpeg", "youtube_2.jpeg"), _arrows, ((245, 245, 245), (210, 40, 40))),
    Design(("classic.jpg", "classic2.jpg"), _rings, ((120, 92, 70), (70, 120, 76))),
)


def draw_all(folder: Path) -> None:
    """Writes every picture into the folder."""
    for design in DESIGNS:
        sock = _sock(design)
        for index, name in enumerate(design.files):
            picture = _alone(sock) if index == 0 else _pair(sock)
            picture.resize((WIDTH, HEIGHT)).save(folder / name, "JPEG", quality=_QUALITY, optimize=True)


def _sock(design: Design) -> Any:
    """The sock on a transparent ground."""
    image, drawing = import_module("PIL.Image"), import_module("PIL.ImageDraw")
    size = (WIDTH * _SCALE, HEIGHT * _SCALE)
    cloth = image.new("RGB", size, design.colours[0])
    design.pattern(drawing.Draw(cloth), design.colours)
    outline = [_at(x, y) for x, y in (*_LEG, *_HEEL_TO_TOE)]
    shape = image.new("L", size, 0)
    drawing.Draw(shape).polygon(outline, fill=255)
    smooth = import_module("PIL.ImageFilter")
    shape = shape.filter(smooth.GaussianBlur(14)).point(lambda level: 255 if level > 127 else 0)
    pen = drawing.Draw(cloth)
    cuff = tuple(int(part * 0.8) for part in design.colours[-1])
    pen.rectangle((*_at(0, 0), *_at(100, 11)), fill=cuff)
    cloth.putalpha(shape)
    return cloth


def _ground() -> Any:
    return import_module("PIL.Image").new("RGBA", (WIDTH * _SCALE, HEIGHT * _SCALE), (250, 249, 246, 255))


def _alone(sock: Any) -> Any:
    ground = _ground()
    turned = sock.rotate(4, resample=3)
    ground.alpha_composite(turned, (-40 * _SCALE, 0))
    return ground.convert("RGB")


def _pair(sock: Any) -> Any:
    ground = _ground()
    small = sock.resize((int(WIDTH * _SCALE * 0.8), int(HEIGHT * _SCALE * 0.8)))
    ground.alpha_composite(small.rotate(14, resample=3), (0, 40 * _SCALE))
    ground.alpha_composite(small.rotate(-6, resample=3), (60 * _SCALE, 80 * _SCALE))
    return ground.convert("RGB")


if __name__ == "__main__":
    draw_all(Path(sys.argv[1]))
