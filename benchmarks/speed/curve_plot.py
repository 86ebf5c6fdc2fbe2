"""Curves of seconds and memory as a picture, both axes logarithmic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

PANEL, MARGIN, GAP = (300, 220), 46, 24  # pixels
COLOURS = {"s": (230, 159, 0), "mib": (86, 180, 233)}
INK, GRID_COLOUR = (60, 60, 60), (225, 225, 225)

Curve = Mapping[float, Mapping[str, float]]


def picture(curves: Mapping[str, Curve]) -> Image.Image:
    """One panel for each axis: orange seconds, blue MiB."""
    width, height = PANEL[0] + MARGIN + GAP, PANEL[1] + 2 * MARGIN
    image = Image.new("RGB", (width * len(curves), height), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size=12)
    every = [max(one[what], 1e-9) for c in curves.values() for one in c.values() for what in one]
    low, high = decades(every)
    for number, (axis, curve) in enumerate(curves.items()):
        left = number * width + MARGIN
        places = sorted(curve)

        def at(x: float, y: float, left: int = left, places: Sequence[float] = tuple(places)):
            across = share(x, places[0], places[-1]) * PANEL[0]
            return left + across, MARGIN + (1 - share(y, low, high)) * PANEL[1]

        for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
            line = [at(places[0], 10.0**power), at(places[-1], 10.0**power)]
            draw.line(line, fill=GRID_COLOUR)
            draw.text((line[0][0] - 40, line[0][1] - 7), f"{10.0**power:g}", fill=INK, font=font)
        for what, colour in COLOURS.items():
            points = [at(x, max(curve[x][what], low)) for x in places]
            draw.line(points, fill=colour, width=3)
            for x, y in points:
                draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
        for x in (places[0], places[-1]):
            place = at(x, low)
            draw.text((place[0] - 8, place[1] + 6), f"{x:g}", fill=INK, font=font)
        title = f"{axis}: orange seconds, blue MiB"
        draw.text((left, 14), title, fill=INK, font=font)
    return image


def decades(values: Sequence[float]) -> tuple[float, float]:
    """Powers of ten that enclose the values."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return 10.0**low, 10.0 ** max(high, low + 1)


def share(value: float, low: float, high: float) -> float:
    """Where a value lies between the ends on a logarithmic axis, 0 to 1."""
    return math.log(value / low) / math.log(high / low)
