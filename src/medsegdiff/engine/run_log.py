"""The record of a run: metrics.jsonl, and progress.png drawn from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from medsegdiff.files import atomic_write

WIDTH, HEIGHT, MARGIN = 900, 420, 48
LOSS_COLOUR, DICE_COLOUR, INK = (86, 180, 233), (230, 159, 0), (60, 60, 60)


class RunLog:
    """One JSON object a line; a resumed run drops the lines after its checkpoint."""

    def __init__(self, path: Path, first_step: int) -> None:
        self.path = path
        self.lines = [line for line in read_log(path) if line["step"] <= first_step]
        text = "".join(json.dumps(line) + "\n" for line in self.lines)
        atomic_write(path, text)

    def add(self, **values: Any) -> None:
        """Append a line and hand it to the system at once."""
        self.lines.append(values)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")

    def draw(self, path: Path) -> None:
        """Write the curves of loss and validation Dice as a PNG."""
        atomic_write(path, lambda file: curves(self.lines).save(file, format="PNG"))


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log; a last line that was cut off is left out."""
    if not path.is_file():
        return []
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return lines


def curves(lines: list[dict[str, Any]]) -> Image.Image:
    """Loss (left axis) and validation Dice (right axis, 0 to 1) against the step."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=12)
    losses = smoothed(
        [(line["step"], line["loss"]) for line in lines if line.get("loss") is not None]
    )
    dice = [(line["step"], line["dice"]) for line in lines if "dice" in line]
    last = max([step for step, _ in losses + dice], default=1)
    highest = max([value for _, value in losses], default=0.0) or 1.0
    box = (MARGIN, MARGIN // 2, WIDTH - MARGIN, HEIGHT - MARGIN)
    draw.rectangle(box, outline=(200, 200, 200))
    for points, top, colour in ((losses, highest, LOSS_COLOUR), (dice, 1.0, DICE_COLOUR)):
        placed = [on_page(step / last, value / top, box) for step, value in points]
        if len(placed) > 1:
            draw.line(placed, fill=colour, width=2)
        for x, y in placed if colour == DICE_COLOUR else ():
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=colour)
    for i in range(6):
        _, y = on_page(0, i / 5, box)
        draw.text((6, y - 6), f"{highest * i / 5:.2f}", fill=LOSS_COLOUR, font=font)
        draw.text((box[2] + 6, y - 6), f"{i / 5:.1f}", fill=DICE_COLOUR, font=font)
        x, _ = on_page(i / 5, 0, box)
        draw.text((x - 12, box[3] + 6), str(round(last * i / 5)), fill=INK, font=font)
    best = f", best {max(value for _, value in dice):.4f}" if dice else ""
    draw.text(
        (MARGIN, HEIGHT - 20),
        f"step   blue: loss   orange: validation Dice{best}",
        fill=INK,
        font=font,
    )
    return picture


def smoothed(points: list[tuple[int, float]], most: int = 200) -> list[tuple[float, float]]:
    """Means over equal stretches, at most so many."""
    size = max(1, -(-len(points) // most))
    parts = [points[i : i + size] for i in range(0, len(points), size)]
    return [
        (sum(s for s, _ in part) / len(part), sum(v for _, v in part) / len(part)) for part in parts
    ]


def on_page(x: float, y: float, box: tuple[int, int, int, int]) -> tuple[float, float]:
    """Pixel of a point given as shares of the axes."""
    left, top, right, bottom = box
    return left + x * (right - left), bottom - y * (bottom - top)
