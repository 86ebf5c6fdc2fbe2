"""LIDC-IDRI: outlines of lung nodules in the XML file beside a CT series.

    <LidcReadMessage xmlns="http://www.nih.gov">
      <readingSession>                           one for each of (usually) four radiologists
        <unblindedReadNodule>
          <characteristics>...</characteristics> only of nodules of 3 mm and more
          <roi>
            <imageZposition>-125.0</imageZposition> <inclusion>TRUE</inclusion>
            <edgeMap><xCoord>312</xCoord><yCoord>355</yCoord></edgeMap> ...

One file holds the outlines of all raters, so a mask's path leads into it: that of the second is
`069.xml/rater-2`. A rater is the place of a reading in the file and not a person: the first of one
scan need not be the first of another.

Source: Armato et al. 2011, Medical Physics 38, 915-931: nodules of 3 mm and more are outlined on
each slice at their outer border, so that the outline itself is no part of the nodule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal
from xml.etree.ElementTree import Element

import numpy as np

from medsegdiff.data.formats.format import StoredMask
from medsegdiff.data.formats.outlines import OutlineFormat, without_grid
from medsegdiff.data.outlines import filled, traced
from medsegdiff.data.xml_file import read_xml, read_xml_bytes
from medsegdiff.errors import GridMismatch, ResourceError, UnreadableStudy
from medsegdiff.types import Geometry

PART = "rater-"
ON_SLICE_WITHIN = 0.25  # of the distance between slices; positions are rounded in the files
HEADER_BYTES = 2**14  # at the start of a file, in which its series is named
CORNERS = 3  # fewer outline nothing
FARTHEST = 1e5  # pixels; a CT slice has 512


class LIDC(OutlineFormat):
    """The nodules (3 mm and more) that one rater outlined: 0 background, 1 nodule."""

    name: Literal["lidc"] = "lidc"
    endings: ClassVar[tuple[str, ...]] = ()

    def claims(self, path: Path) -> bool:
        """Whether a path leads to a rater's outlines inside an XML file: `069.xml/rater-1`."""
        return path.name.startswith(PART) and path.parent.suffix.lower() == ".xml"

    def read_mask(self, path: Path, budget_bytes: int, like: Geometry | None) -> StoredMask:
        if like is None or like.affine is None or like.space_dims != 3:
            raise without_grid(path)
        if np.prod(like.shape) > budget_bytes:
            raise ResourceError(
                f"{path} needs {np.prod(like.shape) / 1e9:.2f} GB of memory as a mask, more than "
                f"the {budget_bytes / 1e9:.2f} GB allowed."
            )
        values = np.zeros(like.shape, dtype=np.uint8)
        for nodule in _nodules(path):
            _draw(nodule, values, like, path.parent)
        return StoredMask(values, like)


@dataclass(frozen=True)
class Reading:
    """What an XML file says of the CT that was read.

    Args:
        series: Series Instance UID of the CT; empty where it is not given.
        raters: number of readings.
        small: nodules under 3 mm, over all readings; they have a point and no outline.
        others: marks on what is no nodule, likewise.
        points: outlines of fewer than three corners, which enclose nothing.
    """

    series: str
    raters: int
    small: int = 0
    others: int = 0
    points: int = 0


def read_reading(path: Path) -> Reading:
    """Read which series the raters of a file read, how many they are, and what has no outline.

    The file is not taken apart, since there are a thousand of them.

    Raises:
        UnreadableStudy: it has no end, or is not the readings of a CT.
    """
    content = read_xml_bytes(path)
    if not re.search(rb"<LidcReadMessage[\s>]", content):
        raise UnreadableStudy(f"{path} holds no readings of a CT (LidcReadMessage). Take it out.")
    if not content.rstrip().endswith(b"</LidcReadMessage>"):
        raise UnreadableStudy(f"{path} is not whole XML: its end is missing. Download it again.")
    nodules = re.split(rb"<unblindedReadNodule[\s>]", content)[1:]
    large = [one for one in nodules if re.search(rb"<characteristics>\s*<(?!/)", one)]
    outlines = [roi for one in large for roi in re.split(rb"<roi[\s>]", one)[1:]]
    return Reading(
        _series(content),
        raters=len(re.findall(rb"<readingSession[\s>]", content)),
        small=len(nodules) - len(large),
        others=len(re.findall(rb"<nonNodule[\s>]", content)),
        points=sum(len(re.findall(rb"<edgeMap[\s>]", roi)) < CORNERS for roi in outlines),
    )


def read_broken_reading(path: Path) -> Reading:
    """What can still be told of a file that `read_reading` refuses: its series, and no rater."""
    with path.open("rb") as file:
        return Reading(_series(file.read(HEADER_BYTES)), 0)


def _series(content: bytes) -> str:
    found = re.search(rb"<SeriesInstanceUid>\s*([\d.]+)\s*<", content)
    return found[1].decode("ascii") if found else ""


def _nodules(path: Path) -> Iterator[Element]:
    """Yield a rater's nodules of 3 mm and more; smaller ones have only a point."""
    sessions = read_xml(path.parent).findall("readingSession")
    number = path.name.removeprefix(PART)
    if not number.isdigit() or not 0 < int(number) <= len(sessions):
        raise UnreadableStudy(f"{path.parent} has {len(sessions)} readings and no {path.name}.")
    for nodule in sessions[int(number) - 1].findall("unblindedReadNodule"):
        characteristics = nodule.find("characteristics")
        if characteristics is not None and len(characteristics):
            yield nodule


def _draw(nodule: Element, values: np.ndarray, like: Geometry, path: Path) -> None:
    """Fill one nodule into a mask of shape (D, H, W): what it includes, less what it excludes."""
    shape = (like.shape[1], like.shape[2])
    included: dict[int, np.ndarray] = {}
    excluded: dict[int, np.ndarray] = {}
    for roi in nodule.findall("roi"):
        outline = _outline(roi, path)
        if len(outline) < CORNERS:
            continue
        d, border = _slice_of(roi, like, path), traced(outline, shape)
        if (roi.findtext("inclusion") or "").strip().upper() == "FALSE":
            excluded[d] = excluded.get(d, False) | filled(outline, shape) | border
        else:
            included[d] = included.get(d, False) | (filled(outline, shape) & ~border)
    for d, mask in included.items():
        values[d][mask & ~excluded.get(d, np.zeros(shape, dtype=bool))] = 1


def _outline(roi: Element, path: Path) -> np.ndarray:
    """Corners (x, y) of one outline in pixels, shape (N, 2)."""
    try:
        corners = [
            (float(edge.findtext("xCoord", "")), float(edge.findtext("yCoord", "")))
            for edge in roi.findall("edgeMap")
        ]
    except ValueError:
        corners = [(np.nan, np.nan)]
    outline = np.array(corners).reshape(-1, 2)
    if not (np.abs(outline) <= FARTHEST).all():
        raise UnreadableStudy(
            f"{path} has an outline with a corner that is no pixel. Download it again."
        )
    return outline


def _slice_of(roi: Element, like: Geometry, path: Path) -> int:
    """Index of the slice at the height of an outline."""
    assert like.affine is not None
    affine = like.affine.numpy()
    step = affine[2, 0]
    try:
        z_mm = float(roi.findtext("imageZposition", ""))
    except ValueError:
        z_mm = np.nan
    place = (z_mm - affine[2, 3]) / step if step else np.nan
    if not np.isfinite(place):
        raise UnreadableStudy(
            f"{path} has an outline without a height (imageZposition), or its CT is not axial. "
            "Download both again."
        )
    if abs(place - round(place)) > ON_SLICE_WITHIN or not 0 <= round(place) < like.shape[0]:
        raise GridMismatch(
            f"{path} has an outline at z = {z_mm:g} mm, where its CT ({like.shape[0]} slices, "
            f"{abs(step):g} mm apart) has no slice. Download the series again: slices may be "
            "missing."
        )
    return round(place)
