"""A picture of calibration: how often each predicted probability came true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from medsegdiff.engine.run_log import on_page
from medsegdiff.files import atomic_write
from medsegdiff.metrics import Calibration, CalibrationResult

SIDE, MARGIN = 360, 48
INK, PALE = (60, 60, 60), (200, 200, 200)
FREQUENCY_COLOUR, SHARE_COLOUR = (86, 180, 233), (230, 159, 0)
LEGEND = (("predicted", INK), ("came true", FREQUENCY_COLOUR), ("share of voxels", SHARE_COLOUR))


def write_reliability(path: Path, calibration: CalibrationResult) -> None:
    """Write the diagram of all voxels and that of the band near the structures, as PNG."""
    drawn = reliability_diagram(calibration)
    atomic_write(path, lambda file: drawn.save(file, format="PNG"))


def reliability_diagram(calibration: CalibrationResult) -> Image.Image:
    """Two panels: bars of the observed frequency, the line of the share of voxels, the diagonal."""
    picture = Image.new("RGB", (2 * SIDE, SIDE), "white")
    panels = (calibration.everywhere, "all voxels"), (calibration.band, "near the structures")
    for number, (one, title) in enumerate(panels):
        _draw_panel(ImageDraw.Draw(picture), number * SIDE, one, title)
    return picture


def _draw_panel(draw: ImageDraw.ImageDraw, left: int, one: Calibration, title: str) -> None:
    font = ImageFont.load_default(size=12)
    box = (left + MARGIN, MARGIN, left + SIDE - 12, SIDE - MARGIN)
    for low, high, frequency in _bars(one):
        (x0, bottom), (x1, top) = on_page(low, 0, box), on_page(high, frequency, box)
        draw.rectangle((x0, top, x1, bottom), fill=FREQUENCY_COLOUR, outline="white")
    draw.rectangle(box, outline=PALE)
    draw.line([on_page(0, 0, box), on_page(1, 1, box)], fill=INK)
    total, bins = max(one.voxels, 1), len(one.count)
    shares = [
        on_page((place + 0.5) / bins, count / total, box) for place, count in enumerate(one.count)
    ]
    draw.line(shares, fill=SHARE_COLOUR, width=2)
    for i in range(6):
        (x, _), (_, y) = on_page(i / 5, 0, box), on_page(0, i / 5, box)
        draw.text((x - 8, box[3] + 4), f"{i / 5:.1f}", fill=INK, font=font)
        draw.text((left + MARGIN - 26, y - 7), f"{i / 5:.1f}", fill=INK, font=font)
    error = "no voxels" if one.ece is None else f"ECE {one.ece:.4f}"
    draw.text((left + MARGIN, 10), f"{title}: {error}", fill=INK, font=font)
    for word, colour in LEGEND:
        draw.text((left + MARGIN, SIDE - 22), word, fill=colour, font=font)
        left += int(draw.textlength(word + "  ", font=font))


def _bars(one: Calibration) -> Iterator[tuple[float, float, float]]:
    """Left end, right end and height of each bin that holds voxels."""
    bins = len(one.count)
    for place, (count, frequency) in enumerate(zip(one.count, one.frequency, strict=True)):
        if count:
            yield place / bins, (place + 1) / bins, frequency
