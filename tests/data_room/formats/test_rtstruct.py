from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage

from medsegdiff.data.dicom.selection import part_of
from medsegdiff.data.formats.rtstruct import RTStruct, referenced_series, roi_names
from medsegdiff.errors import DataError, GridMismatch, UnreadableStudy
from medsegdiff.types import Geometry

BUDGET = 2**30
AFFINE = torch.tensor(  # slices of 2 mm, pixels of 0.5 x 0.8 mm
    [[0, 0, -0.8, 40], [0, -0.5, 0, 30], [2, 0, 0, -7], [0, 0, 0, 1]], dtype=torch.float64
)
LIKE = Geometry((5, 80, 60), (2.0, 0.5, 0.8), AFFINE)
Make = Callable[..., Path]
Outlines = dict[str, list[np.ndarray]]


def circle(d: float, row: float, column: float, radius_mm: float, corners: int = 400) -> np.ndarray:
    """Corners of a circle in mm, as (slice, row, column) in voxels."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    rows = row + radius_mm / 0.5 * np.sin(angle)
    return np.column_stack([np.full(corners, d), rows, column + radius_mm / 0.8 * np.cos(angle)])


def box(d: float, first: float, last: float) -> np.ndarray:
    corners = [(first, first), (first, last), (last, last), (last, first)]
    return np.array([(d, *corner) for corner in corners])


@pytest.fixture
def make_structures(tmp_path: Path) -> Make:
    def make(outlines: Outlines, kind: str = "CLOSED_PLANAR", first: int = 1) -> Path:
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = RTStructureSetStorage
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        dataset.PatientName, dataset.Modality = "Geheim^Patientin", "RTSTRUCT"
        numbered = list(enumerate(outlines.items(), start=first))
        dataset.StructureSetROISequence = [_item(ROINumber=n, ROIName=k) for n, (k, _) in numbered]
        dataset.ROIContourSequence = [
            _item(ReferencedROINumber=n, ContourSequence=[_contour(o, kind) for o in drawn])
            for n, (_, drawn) in numbered
        ]
        dataset.save_as(tmp_path / "rtstruct.dcm", enforce_file_format=True)
        return tmp_path / "rtstruct.dcm"

    return make


def _item(**elements: object) -> Dataset:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


def _contour(outline: np.ndarray, kind: str) -> Dataset:
    ras = outline @ AFFINE[:3, :3].numpy().T + AFFINE[:3, 3].numpy()
    data = [f"{x:.10g}" for x in (ras * (-1, -1, 1)).ravel()]
    return _item(ContourGeometricType=kind, ContourData=data, NumberOfContourPoints=len(outline))


def read(path: Path) -> np.ndarray:
    return RTStruct().read_mask(path, BUDGET, LIKE).values


def test_a_circle_holds_the_voxels_whose_centres_lie_in_it(make_structures: Make) -> None:
    path = make_structures({"Nodule": [circle(2, 40.2, 30.3, 12.1)]})
    row, column = np.mgrid[:80, :60]
    distance = np.hypot((row - 40.2) * 0.5, (column - 30.3) * 0.8)
    is_clear = np.abs(distance - 12.1) > 12.1 * (1 - np.cos(np.pi / 400))  # chord and circle
    values = read(path)
    assert is_clear.mean() > 0.999
    assert np.array_equal(values[2][is_clear], (distance < 12.1)[is_clear])
    assert not values[[0, 1, 3, 4]].any()
    assert values.sum() * 0.5 * 0.8 == pytest.approx(np.pi * 12.1**2, rel=0.01)


def test_an_inner_outline_is_a_hole(make_structures: Make) -> None:
    values = read(make_structures({"Ring": [box(1, 9.5, 29.5), box(1, 14.5, 19.5)]}))
    expected = np.zeros((80, 60))
    expected[10:30, 10:30] = 1
    expected[15:20, 15:20] = 0
    assert np.array_equal(values[1], expected)


def test_neighbours_with_a_common_edge_share_no_voxel(make_structures: Make) -> None:
    left, right = box(0, 10, 20), box(0, 10, 20) + np.array([0, 0, 10])
    values = read(make_structures({"Left": [left], "Right": [right]}))
    assert (values[0, 10:20, 10:20] == 1).all()
    assert (values[0, 10:20, 20:30] == 2).all()
    assert (values > 0).sum() == 200


def test_named_structures_are_numbered_in_order(make_structures: Make) -> None:
    path = make_structures({"Body": [box(0, 1, 50)], "A": [box(0, 9, 19)], "B/C": [box(0, 20, 30)]})
    values = read(part_of(path, ["b/c", "a"]))
    assert (values[0, 25, 25], values[0, 15, 15], values[0, 40, 40]) == (1, 2, 0)
    assert roi_names(path) == {1: "Body", 2: "A", 3: "B/C"}
    assert referenced_series(path) == frozenset()


def test_structures_that_overlap_are_refused(make_structures: Make) -> None:
    path = make_structures({"Body": [box(0, 1, 50)], "Liver": [box(0, 9, 19)]})
    with pytest.raises(UnreadableStudy, match="structures that overlap"):
        read(path)


@pytest.mark.parametrize("d", [1.5, -1, 5])
def test_an_outline_off_the_slices_is_refused(make_structures: Make, d: float) -> None:
    with pytest.raises(GridMismatch, match="outline"):
        read(make_structures({"Nodule": [box(d, 9, 19)]}))


def test_an_outline_across_slices_is_refused(make_structures: Make) -> None:
    with pytest.raises(GridMismatch, match="outline"):
        read(make_structures({"Nodule": [box(2, 9, 19)[:, [1, 0, 2]] * (0.1, 1, 1)]}))


def test_points_outline_nothing(make_structures: Make) -> None:
    assert not read(make_structures({"Isocentre": [box(2, 9, 19)]}, kind="POINT")).any()


def test_a_structure_numbered_as_background_is_read_by_name_only(make_structures: Make) -> None:
    path = make_structures({"Nodule": [box(2, 9, 19)]}, first=0)
    with pytest.raises(UnreadableStudy, match="Read its structures by name; it has Nodule"):
        read(path)
    assert read(part_of(path, ["Nodule"])).sum() == 100


def test_outlines_need_the_grid_of_their_image(make_structures: Make) -> None:
    path = make_structures({"Nodule": [box(2, 9, 19)]})
    with pytest.raises(DataError, match="together with the image"):
        RTStruct().read_mask(path, BUDGET, None)
    with pytest.raises(DataError, match="no grid of their own"):
        RTStruct().read_header(path, BUDGET)


def test_only_structure_sets_are_claimed(make_structures: Make, make_picture: Make) -> None:
    path = make_structures({"Nodule": [box(2, 9, 19)]})
    assert RTStruct().claims(path)
    assert RTStruct().claims(part_of(path, ["Nodule"]))
    assert not RTStruct().claims(make_picture(np.zeros((9, 11), np.uint8)))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_truncated_file_is_refused(make_structures: Make, share: float) -> None:
    path = make_structures({"Nodule": [circle(2, 40, 30, 12)]})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(UnreadableStudy) as caught:
        read(path)
    assert "Geheim" not in str(caught.value)
