"""DDTI: outlines of thyroid nodules in the XML file of a case.

    <case>
      <number>12</number> ... <tirads>4a</tirads> ...
      <mark>
        <image>1</image>
        <svg>[{"points": [{"x": 226, "y": 91}, ...], "annotation": {},
               "regionType": "freehand"}, ...]</svg>
      </mark>
    </case>

A case has several images, `12_1.jpg` and so on, so a mask's path leads into the file: the one of
`12_1.jpg` is `12.xml/image-1`.

Source: Pedraza et al. 2015, An open access thyroid ultrasound image database, SPIE 9287.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar, Literal
from xml.etree.ElementTree import Element

import numpy as np

from medsegdiff.data.formats.format import StoredMask
from medsegdiff.data.formats.outlines import OutlineFormat, without_grid
from medsegdiff.data.outlines import filled
from medsegdiff.data.xml_file import read_xml
from medsegdiff.errors import UnreadableStudy
from medsegdiff.types import Geometry

PART = "image-"
CORNERS = 3  # fewer outline nothing


class DDTI(OutlineFormat):
    """The nodules of one image of a case: 0 background, 1 nodule."""

    name: Literal["ddti"] = "ddti"
    endings: ClassVar[tuple[str, ...]] = ()

    def claims(self, path: Path) -> bool:
        """Whether a path leads to an image's outlines inside an XML file: `12.xml/image-1`."""
        return path.name.startswith(PART) and path.parent.suffix.lower() == ".xml"

    def read_mask(self, path: Path, budget_bytes: int, like: Geometry | None) -> StoredMask:
        if like is None or like.space_dims != 2:
            raise without_grid(path)
        image = path.name.removeprefix(PART)
        outlines = outlines_by_image(path.parent).get(image, [])
        values = np.zeros(like.shape, dtype=np.uint8)
        for outline in outlines:
            values[filled(outline, (like.shape[0], like.shape[1]))] = 1
        if not values.any():
            raise UnreadableStudy(
                f"{path.parent} outlines nothing inside image {image} ({like.shape[1]} x "
                f"{like.shape[0]} pixels). Check that the file and the image belong together, and "
                "that the image was not cropped or scaled."
            )
        return StoredMask(values, like)


def outlines_by_image(path: Path) -> dict[str, list[np.ndarray]]:
    """Read the outlines of a case, by the number of the image that they were drawn on.

    Returns:
        For each image, outlines as corners (x, y) in pixels, shape (N, 2), N from 3. Images without
        an outline are not in it; stray marks of one or two points are left out.

    Raises:
        UnreadableStudy: the file is not whole XML, or an outline breaks off.
    """
    found: dict[str, list[np.ndarray]] = {}
    for mark in read_xml(path).iter("mark"):
        image = (mark.findtext("image") or "").strip()
        outlines = [one for one in _outlines(mark, path, image) if len(one) >= CORNERS]
        if outlines:
            found.setdefault(image, []).extend(outlines)
    return found


def _outlines(mark: Element, path: Path, image: str) -> list[np.ndarray]:
    text = (mark.findtext("svg") or "").strip()
    if not text:
        return []
    try:
        outlines = [_corners(region) for region in json.loads(text)]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise UnreadableStudy(
            f"{path}: the outlines of image {image} break off or are no list of regions with "
            f"points; the text ends in {text[-24:]!r}. If only the end is lost, complete it to "
            '..."regionType": "freehand"}] in a text editor.'
        ) from None
    return outlines


def _corners(region: dict[str, list[dict[str, float]]]) -> np.ndarray:
    """Corners (x, y) of one region in pixels, shape (N, 2)."""
    corners = [(float(point["x"]), float(point["y"])) for point in region["points"]]
    outline = np.array(corners).reshape(-1, 2)
    if not np.isfinite(outline).all():
        raise ValueError("a corner is not finite")
    return outline
