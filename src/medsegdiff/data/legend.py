"""What the colours of outlines mean: every class, or every region, with its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from medsegdiff.data.declared_labels import Colour, Region
from medsegdiff.data.labels import LabelMap
from medsegdiff.data.lettering import INK, PAPER, Font, font_of, shortened
from medsegdiff.data.pictures import class_colour

GAP, APART = 1 / 3, 3 / 2  # of a letter's height: after a colour, and after an entry


@dataclass(frozen=True)
class LegendEntry:
    """What is outlined, and how.

    Args:
        name: of a class or a region.
        colours: of a class, its own; of a region, those of its classes, the one that stands for it
            first.
    """

    name: str
    colours: tuple[Colour, ...]


def legend_of(label_map: LabelMap) -> list[LegendEntry]:
    """Name and colours of every foreground class, or of every region."""
    if label_map.regions:
        return [LegendEntry(one.name, _colours(one)) for one in label_map.regions]
    numbered = enumerate(label_map.names[1:], start=1)
    return [LegendEntry(name, (class_colour(index),)) for index, name in numbered]


def _colours(region: Region) -> tuple[Colour, ...]:
    others = (one for one in region.classes if one != region.painted)
    return tuple(map(class_colour, (region.painted, *others)))


def legend_strip(entries: Sequence[LegendEntry], width: int, letters: int) -> Image.Image:
    """Draw entries in as many lines as they need.

    Args:
        entries: one or more.
        width: of the strip in pixels; a longer name is cut.
        letters: their height in pixels.
    """
    font, line = font_of(letters), round(1.4 * letters)
    placed = _placed(entries, width, letters, font)
    strip = Image.new("RGB", (width, line * (1 + max(row for row, _, _ in placed))), PAPER)
    draw = ImageDraw.Draw(strip)
    for (row, left, name), entry in zip(placed, entries, strict=True):
        middle = row * line + line // 2
        for colour in entry.colours:
            box = (left, middle - letters // 2, left + letters, middle + letters // 2)
            draw.rectangle(box, fill=colour)
            left += letters + round(GAP * letters)
        draw.text((left, middle), name, fill=INK, font=font, anchor="lm")
    return strip


def _placed(
    entries: Sequence[LegendEntry], width: int, letters: int, font: Font
) -> list[tuple[int, int, str]]:
    """Line and left edge of each entry, with its name as far as there is room for it."""
    placed, row, left = [], 0, 0
    for entry in entries:
        boxes = len(entry.colours) * (letters + round(GAP * letters))
        name = shortened(entry.name, font, width - boxes)
        needed = boxes + round(font.getlength(name))
        if left and left + needed > width:
            row, left = row + 1, 0
        placed.append((row, left, name))
        left += needed + round(APART * letters)
    return placed
