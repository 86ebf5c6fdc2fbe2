from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from medsegdiff.data.formats.ddti import DDTI, outlines_by_image
from medsegdiff.errors import DataError, ResourceError, UnreadableStudy
from medsegdiff.types import Geometry

SQUARE = [(4, 2), (10, 2), (10, 6), (4, 6)]
GRID = Geometry(shape=(12, 20))


def svg(*outlines: list[tuple[int, int]]) -> str:
    regions = [
        {"points": [{"x": x, "y": y} for x, y in one], "annotation": {}, "regionType": "freehand"}
        for one in outlines
    ]
    return json.dumps(regions)


def case(folder: Path, *marks: tuple[str, str]) -> Path:
    path = folder / "12.xml"
    body = "".join(f"<mark><image>{n}</image><svg>{text}</svg></mark>" for n, text in marks)
    path.write_text(f"<?xml version='1.0'?><case><number>12</number>{body}</case>")
    return path


def test_an_outline_is_filled_on_the_grid_of_its_own_image(tmp_path: Path) -> None:
    path = case(tmp_path, ("1", svg(SQUARE)), ("2", svg([(0, 0), (4, 0), (4, 4), (0, 4)])))
    stored = DDTI().read_mask(path / "image-1", 10**6, GRID)
    assert stored.values.shape == (12, 20)
    assert stored.values.sum() == 6 * 4
    assert stored.values[2:6, 4:10].all()


def test_all_nodules_of_an_image_are_drawn(tmp_path: Path) -> None:
    path = case(tmp_path, ("1", svg(SQUARE, [(14, 8), (18, 8), (18, 10), (14, 10)])))
    assert DDTI().read_mask(path / "image-1", 10**6, GRID).values.sum() == 24 + 8


def test_an_outline_is_cut_off_at_the_border(tmp_path: Path) -> None:
    path = case(tmp_path, ("1", svg([(15, -5), (90, -5), (90, 90), (15, 90)])))
    values = DDTI().read_mask(path / "image-1", 10**6, GRID).values
    assert values.sum() == 12 * 5


def test_an_empty_svg_and_stray_marks_outline_nothing(tmp_path: Path) -> None:
    path = case(tmp_path, ("1", ""), ("2", svg([(3, 3)])), ("3", svg(SQUARE)))
    assert list(outlines_by_image(path)) == ["3"]


@pytest.mark.parametrize("text", [svg(SQUARE)[:-9], "{}x", '[{"points": 3}]', "[" * 9999, "[NaN]"])
def test_an_outline_that_breaks_off_is_named(tmp_path: Path, text: str) -> None:
    path = case(tmp_path, ("1", text))
    with pytest.raises(UnreadableStudy, match=r"12\.xml: the outlines of image 1"):
        DDTI().read_mask(path / "image-1", 10**6, GRID)


def test_outlines_of_another_image_are_refused(tmp_path: Path) -> None:
    path = case(tmp_path, ("1", svg([(500, 300), (520, 300), (520, 320)])))
    with pytest.raises(UnreadableStudy, match="outlines nothing inside image 1"):
        DDTI().read_mask(path / "image-1", 10**6, GRID)


def test_half_an_xml_file_is_named(tmp_path: Path) -> None:
    path = case(tmp_path, ("1", svg(SQUARE)))
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(UnreadableStudy, match="not whole XML"):
        outlines_by_image(path)


def test_entities_and_huge_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "1.xml"
    path.write_text('<!DOCTYPE a [<!ENTITY b "cc">]><case>&b;</case>')
    with pytest.raises(UnreadableStudy, match="entities"):
        outlines_by_image(path)
    with path.open("r+b") as file:
        file.truncate(2**27)
    with pytest.raises(ResourceError, match="134 MB"):
        outlines_by_image(path)


def test_outlines_need_the_grid_of_an_image_and_are_not_written(tmp_path: Path) -> None:
    path = case(tmp_path, ("1", svg(SQUARE))) / "image-1"
    assert DDTI().claims(path)
    assert not DDTI().claims(path.parent)
    with pytest.raises(DataError, match="no grid"):
        DDTI().read_mask(path, 10**6, None)
    with pytest.raises(DataError, match="not written"):
        DDTI().write(path, np.zeros((2, 2)), None)
