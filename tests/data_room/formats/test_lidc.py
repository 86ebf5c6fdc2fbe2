from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from medsegdiff.data.formats.lidc import LIDC, Reading, read_reading
from medsegdiff.errors import DataError, GridMismatch, ResourceError, UnreadableStudy
from medsegdiff.types import Geometry

AFFINE = torch.tensor(
    [[0, 0, -0.7, 90], [0, -0.7, 0, 80], [2.5, 0, 0, -120], [0, 0, 0, 1]], dtype=torch.float64
)
GRID = Geometry(shape=(4, 16, 20), spacing_mm=(2.5, 0.7, 0.7), affine=AFFINE)
BIG = "<characteristics><subtlety>5</subtlety></characteristics>"

HEADER = "<ResponseHeader><SeriesInstanceUid>1.2.3</SeriesInstanceUid></ResponseHeader>"


def square(x: int, y: int, side: int) -> list[tuple[int, int]]:
    """Every pixel of a square outline, in order, as the radiologists' tool stores it."""
    steps = range(side)
    top = [(x + i, y) for i in steps]
    right = [(x + side, y + i) for i in steps]
    bottom = [(x + side - i, y + side) for i in steps]
    return [*top, *right, *bottom, *((x, y + side - i) for i in steps)]


def roi(z: object, outline: Sequence[tuple[object, int]], inclusion: str = "TRUE") -> str:
    edges = "".join(
        f"<edgeMap><xCoord>{x}</xCoord><yCoord>{y}</yCoord></edgeMap>" for x, y in outline
    )
    return (
        f"<roi><imageZposition>{z}</imageZposition><inclusion>{inclusion}</inclusion>{edges}</roi>"
    )


def written(folder: Path, *sessions: str) -> Path:
    body = "".join(f"<readingSession>{session}</readingSession>" for session in sessions)
    path = folder / "069.xml"
    path.write_text(f'<LidcReadMessage xmlns="http://www.nih.gov">{HEADER}{body}</LidcReadMessage>')
    return path


def nodule(*rois: str, characteristics: str = BIG) -> str:
    return f"<unblindedReadNodule>{characteristics}{''.join(rois)}</unblindedReadNodule>"


def drawn(path: Path, rater: int = 1) -> np.ndarray:
    return LIDC().read_mask(path / f"rater-{rater}", 10**6, GRID).values


def test_a_nodule_lies_inside_its_outline_on_the_slice_of_its_height(tmp_path: Path) -> None:
    values = drawn(written(tmp_path, nodule(roi(-115.0, square(5, 3, 6)))))
    assert values[2, 4:9, 6:11].all()
    assert values.sum() == 25


def test_raters_are_read_one_by_one(tmp_path: Path) -> None:
    path = written(
        tmp_path, nodule(roi(-120, square(5, 3, 6))), nodule(roi(-120, square(5, 3, 4))), ""
    )
    assert read_reading(path) == Reading("1.2.3", 3)
    assert [drawn(path, rater).sum() for rater in (1, 2, 3)] == [25, 9, 0]


def test_what_an_outline_excludes_is_no_nodule(tmp_path: Path) -> None:
    hole = roi(-120, square(6, 6, 2), inclusion="FALSE")
    values = drawn(written(tmp_path, nodule(hole, roi(-120, square(3, 3, 8)))))
    assert values.sum() == 49 - 9
    assert not values[0, 6:9, 6:9].any()


def test_nodules_below_3_mm_and_points_are_left_out(tmp_path: Path) -> None:
    small = nodule(roi(-120, square(5, 3, 6)), characteristics="")
    path = written(tmp_path, small + nodule(roi(-120, [(4, 4)])))
    assert not drawn(path).any()


def test_an_outline_between_slices_or_beyond_is_refused(tmp_path: Path) -> None:
    for z in (-118.7, -90):
        path = written(tmp_path, nodule(roi(z, square(5, 3, 6))))
        with pytest.raises(GridMismatch, match=f"z = {z:g} mm"):
            drawn(path)


@pytest.mark.parametrize(
    "bad", [roi("", square(5, 3, 6)), roi(-120, [("a", 1)] * 3), roi(-120, [(1e300, 1)] * 3)]
)
def test_numbers_that_are_none_are_named(tmp_path: Path, bad: str) -> None:
    with pytest.raises(UnreadableStudy, match=r"069\.xml has an outline"):
        drawn(written(tmp_path, nodule(bad)))


def test_readings_of_chest_x_rays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "158.xml"
    path.write_text('<IdriReadMessage xmlns="http://www.nih.gov/idri"/>')
    with pytest.raises(UnreadableStudy, match="no readings of a CT"):
        read_reading(path)


def test_an_unknown_rater_a_missing_grid_and_too_little_memory(tmp_path: Path) -> None:
    path = written(tmp_path, "")
    with pytest.raises(UnreadableStudy, match="1 readings and no rater-2"):
        drawn(path, 2)
    with pytest.raises(DataError, match="no grid"):
        LIDC().read_mask(path / "rater-1", 10**6, None)
    with pytest.raises(ResourceError, match="GB"):
        LIDC().read_mask(path / "rater-1", 100, GRID)
