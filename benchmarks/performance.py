"""Puts what was measured into the page on performance, between its marks.

    python benchmarks/performance.py [--page docs/performance.md]

Each part is made of a file in benchmarks/results/ alone, so that the page says what was measured
last; what people wrote between the parts stays. Draws the curves, too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import curves
import folder
import gpu
import same_masks
import sizes
import start
import training_step
import trials
from ablation.markdown import read_page, replaced
from speed.curve_plot import picture
from speed.summary import summary
from speed.tables import page as speed_page

from medsegdiff.files import atomic_write

PROJECT = Path(__file__).parents[1]
RESULTS = PROJECT / "benchmarks" / "results"
PAGE = PROJECT / "docs" / "performance.md"
PICTURE = "images/curves.png"


@dataclass(frozen=True)
class Part:
    """A generated part of the page.

    Args:
        key: in its marks.
        title: of its section, if the page has none yet.
        result: the file it is made of, without its ending.
        text: makes it.
    """

    key: str
    title: str
    result: str
    text: Callable[[dict[str, Any]], str]


def drawn_curves(found: dict[str, Any]) -> str:
    """The tables, below their picture."""
    axes = ", ".join(found["curves"])
    return f"![Seconds and memory against {axes}]({PICTURE})\n\n{curves.page(found)}"


PARTS = (
    Part("summary", "In short", "speed", summary),
    Part("speed", "Beside others", "speed", speed_page),
    Part("start", "How soon it begins", "start", start.page),
    Part("trials", "What single decisions are worth", "trials", trials.page),
    Part("sizes", "How large the networks are", "sizes", sizes.page),
    Part("training step", "A training step, before and now", "training_step", training_step.page),
    Part("same masks", "The same masks", "same_masks", same_masks.page),
    Part("curves", "How it grows", "curves", drawn_curves),
    Part("folder", "A folder of studies", "folder", folder.page),
    Part("gpu", "On a GPU", "gpu", gpu.page),
)


def rendered(page: str, results: Path = RESULTS) -> str:
    """The page with every part whose result is there."""
    for part in PARTS:
        file = results / f"{part.result}.json"
        if file.is_file():
            found = json.loads(file.read_text(encoding="utf-8"))
            page = replaced(page, part.key, part.title, part.text(found).strip())
    return page


def main() -> None:
    """Write the page and its picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args()
    found = json.loads((RESULTS / "curves.json").read_text(encoding="utf-8"))
    image = picture(curves.curves_of(found))
    place = given.page.parent / PICTURE
    atomic_write(place, lambda file: image.save(file, format="PNG", optimize=True))
    atomic_write(given.page, rendered(read_page(given.page, "Performance")))


if __name__ == "__main__":
    main()
