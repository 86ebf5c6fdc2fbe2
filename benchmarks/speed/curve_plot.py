"""Curves of seconds and memory as a picture, both axes logarithmic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

PANEL, MARGIN, GAP = (300, 220), 46, 24  # pixels
IN_A_ROW = 3  # panels
COLOURS = {"s": (230, 159, 0), "mib": (86, 180, 233)}
INK, GRID_COLOUR = (60, 60, 60), (225, 225, 225)

Curve = Mapping[int, Mapping[str, float]]


def picture(curves: Mapping[str, Curve]) -> Image.Image:
    """One panel for each axis, all with the same scale upwards: orange seconds, blue MiB."""
    width, height = PANEL[0] + MARGIN + GAP, PANEL[1] + 2 * MARGIN
    rows = math.ceil(len(curves) / IN_A_ROW)
    image = Image.new("RGB", (width * min(len(curves), IN_A_ROW), height * rows), "white")
    every = [one[what] for curve in curves.values() for one in curve.values() for what in COLOURS]
    ends = decades(every)
    for number, (axis, curve) in enumerate(curves.items()):
        row, column = divmod(number, IN_A_ROW)
        panel = Image.new("RGB", (width, height), "white")
        draw_panel(ImageDraw.Draw(panel), axis, curve, ends)
        image.paste(panel, (column * width, row * height))
    return image


def draw_panel(
    draw: ImageDraw.ImageDraw, axis: str, curve: Curve, ends: tuple[float, float]
) -> None:
    """Both lines of a curve, with their points, over a grid of powers of ten."""
    font = ImageFont.load_default(size=12)
    places, (low, high) = sorted(curve), ends

    def at(x: float, y: float) -> tuple[float, float]:
        across = share(x, places[0], places[-1]) * PANEL[0]
        return MARGIN + across, MARGIN + (1 - share(y, low, high)) * PANEL[1]

    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        line = [at(place, 10.0**power) for place in (places[0], places[-1])]
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
    draw.text((MARGIN, 14), f"{axis}: orange seconds, blue MiB", fill=INK, font=font)


def decades(values: Sequence[float]) -> tuple[float, float]:
    """Powers of ten that enclose the values; those that are not above nothing do not count."""
    above = [one for one in values if one > 0]
    low, high = math.floor(math.log10(min(above))), math.ceil(math.log10(max(above)))
    return 10.0**low, 10.0 ** max(high, low + 1)


def share(value: float, low: float, high: float) -> float:
    """Where a value lies between the ends on a logarithmic axis, 0 to 1."""
    return math.log(value / low) / math.log(high / low)
