"""The Dice of each row as a picture: every seed a dot, and the mean with its 95 % interval."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw, ImageFont

from .rows import Filled

WIDTH, RIGHT, LINE, MARGIN = 570, 30, 24, 34  # pixels, without the labels
SEED_COLOUR, MEAN_COLOUR = (86, 180, 233), (230, 159, 0)
STEPS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)  # between ticks
INK, GRID_COLOUR = (60, 60, 60), (225, 225, 225)


def picture(table: Filled) -> Image.Image | None:
    """Draw the rows that have a finished run; None if there is none."""
    shared = table.shared()
    lines = [
        (
            f"{data}: {row.label}" if len(table.sets) > 1 else row.label,
            [row.values("dice", data, [seed]).mean() for seed in row.seeds(data)],
            one.interval("dice", [data]),
        )
        for data in table.sets
        for row, one in zip(table.rows, shared.rows, strict=True)
        if row.seeds(data)
    ]
    if not lines:
        return None
    height, font = LINE * len(lines) + 2 * MARGIN, ImageFont.load_default(size=12)
    left = 30 + math.ceil(max(font.getlength(label) for label, _, _ in lines))
    width = left + WIDTH
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    ends = [
        value
        for _, seeds, one in lines
        for value in (*seeds, *((one.low, one.high) if one else ()))
    ]
    ticks = round_ticks(min(ends), max(ends))

    def across(value: float) -> float:
        return left + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (WIDTH - RIGHT)

    for tick in ticks:
        x = across(tick)
        draw.line([(x, MARGIN), (x, height - MARGIN)], fill=GRID_COLOUR)
        draw.text((x - 14, height - MARGIN + 6), f"{tick:.2f}", fill=INK, font=font)
    for number, (label, seeds, one) in enumerate(lines):
        y = MARGIN + LINE * (number + 0.5)
        draw.text((8, y - 7), label, fill=INK, font=font)
        if one is not None:
            draw.line([(across(one.low), y), (across(one.high), y)], fill=MEAN_COLOUR, width=3)
            dot(draw, across(one.mean), y, 5, MEAN_COLOUR)
        for value in seeds:
            dot(draw, across(value), y, 3, SEED_COLOUR)
    caption = f"{table.key}: Dice   orange: mean and 95 %   blue: each seed"
    draw.text((8, 8), caption, fill=INK, font=font)
    return image


def round_ticks(low: float, high: float) -> list[float]:
    """At most eight round numbers that enclose a range within 0 to 1."""
    step = next(one for one in STEPS if high - low <= 6 * one)
    first = math.floor(low / step)
    count = max(1, math.ceil(high / step) - first)
    return [step * (first + number) for number in range(count + 1)]


def dot(
    draw: ImageDraw.ImageDraw, x: float, y: float, radius: int, colour: tuple[int, int, int]
) -> None:
    """A filled circle."""
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
