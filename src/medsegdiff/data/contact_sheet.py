"""Many pictures on one sheet, each with its caption, and below them what the colours mean."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

from medsegdiff.data.legend import LegendEntry, legend_strip
from medsegdiff.data.lettering import INK, PAPER, font_of, letters_for, shortened
from medsegdiff.data.pictures import scaled

GAP = 6


def contact_sheet(
    tiles: Sequence[tuple[Image.Image, str]],
    columns: int | None = None,
    side: int = 192,
    legend: Sequence[LegendEntry] = (),
) -> Image.Image:
    """Lay captioned pictures out in rows on one sheet.

    Args:
        tiles: pictures with their captions, which are cut to the picture's width.
        columns: pictures in a row; None for a sheet about as wide as high.
        side: longer side of each picture in pixels; letters grow with it.
        legend: what the colours mean; a single one is left out.
    """
    columns = columns or max(1, math.ceil(math.sqrt(len(tiles))))
    rows = max(1, math.ceil(len(tiles) / columns))
    letters = letters_for(side)
    width, height = side + GAP, side + round(4 / 3 * letters) + GAP
    sheet = Image.new("RGB", (columns * width + GAP, rows * height + GAP), PAPER)
    draw, font = ImageDraw.Draw(sheet), font_of(letters)
    for index, (tile, caption) in enumerate(tiles):
        row, column = divmod(index, columns)
        left, top = GAP + column * width, GAP + row * height
        fitted = tile.resize(scaled(tile.size, side), Image.Resampling.BILINEAR)
        corner = left + (side - fitted.width) // 2, top + (side - fitted.height) // 2
        sheet.paste(fitted.convert("RGB"), corner)
        draw.text((left, top + side), shortened(caption, font, side), fill=INK, font=font)
    return sheet if len(legend) < 2 else _with_legend(sheet, legend, letters)


def _with_legend(sheet: Image.Image, legend: Sequence[LegendEntry], letters: int) -> Image.Image:
    strip = legend_strip(legend, sheet.width - 2 * GAP, letters)
    larger = Image.new("RGB", (sheet.width, sheet.height + strip.height + GAP), PAPER)
    larger.paste(sheet, (0, 0))
    larger.paste(strip, (GAP, sheet.height))
    return larger
