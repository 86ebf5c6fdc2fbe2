from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import highdicom
import numpy as np
import pytest
import torch
from PIL import Image
from pydicom import Dataset, dcmread

from medsegdiff.data.formats.dicom import Dicom, series_in
from medsegdiff.data.formats.dicom_seg import (
    DicomSeg,
    part_of,
    referenced_series,
    segment_codes,
    segment_names,
    write_segmentation,
)
from medsegdiff.errors import DataError, GridMismatch, ResourceError, UnreadableStudy
from medsegdiff.types import Geometry

BUDGET = 2**30
NAMES = {5: "Leber", 9: "Läsion/lesion"}
LIVER = ("10200004", "SCT", "Liver")
Make = Callable[..., Path]


def drawn(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Label values 0, 5 and 9 at random, the first slice empty."""
    labels = np.random.default_rng(seed).choice([0, 5, 9], shape)
    labels[0] = 0
    return labels


@pytest.fixture
def series(make_series: Make) -> Path:
    return make_series(np.zeros((6, 9, 11), np.int16), SeriesNumber=3)


@pytest.fixture
def written(series: Path) -> Path:
    path = series.parent / "seg.dcm"
    write_segmentation(path, drawn((6, 9, 11)), NAMES, {"Leber": LIVER}, series)
    return path


def geometry(path: Path) -> Geometry:
    return Dicom().read_header(path, BUDGET).geometry


def by_hand(path: Path, series: Path) -> np.ndarray:
    """The rule of dcmqi: a frame belongs to the slice whose ImagePositionPatient it repeats."""
    heights = sorted(float(dcmread(f).ImagePositionPatient[2]) for f in series.iterdir())
    dataset = dcmread(path)
    pixels = dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)
    labels = np.zeros((len(heights), *pixels.shape[1:]), int)
    for frame, mask in zip(dataset.PerFrameFunctionalGroupsSequence, pixels, strict=True):
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        groups = (frame, dataset.SharedFunctionalGroupsSequence[0])
        owner = next(g for g in groups if "SegmentIdentificationSequence" in g)
        number = owner.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        labels[heights.index(float(position[2]))][mask > 0] = number
    return labels


# Writing


def test_a_written_mask_is_read_back(series: Path, written: Path) -> None:
    mask = DicomSeg().read_mask(written, BUDGET, geometry(series))
    assert np.array_equal(np.array([0, 5, 9])[mask.values], drawn((6, 9, 11)))
    assert segment_names(written) == {1: "Leber", 2: "Läsion/lesion"}
    assert referenced_series(written) == {series_in(series)[0].uid}
    assert segment_codes(written) == {"Leber": LIVER}


def test_dcmqis_rule_lays_a_written_mask_on_the_same_voxels(series: Path, written: Path) -> None:
    assert np.array_equal(np.array([0, 5, 9])[by_hand(written, series)], drawn((6, 9, 11)))


def by_highdicom(path: Path, like: Geometry, *, combined: bool = True) -> np.ndarray:
    """Segment numbers, or shares of each segment (D, H, W, K), as highdicom reads them.

    Each voxel of its volume is brought onto a grid by its place.
    """
    volume = highdicom.seg.segread(path).get_volume(combine_segments=combined)
    index = np.indices(volume.array.shape[:3]).reshape(3, -1)
    places = volume.affine @ np.vstack([index, np.ones(index.shape[1])])
    ours = np.linalg.inv(like.affine.numpy()) @ np.diag([-1, -1, 1, 1]) @ places
    more = volume.array.shape[3:]
    found = np.zeros((*like.shape, *more), volume.array.dtype)
    found[tuple(np.rint(ours[:3]).astype(int))] = volume.array.reshape(-1, *more)
    return found


def test_highdicom_lays_a_written_mask_on_the_same_voxels(series: Path, written: Path) -> None:
    found = by_highdicom(written, geometry(series))
    assert np.array_equal(np.array([0, 5, 9])[found], drawn((6, 9, 11)))


def test_segments_say_what_they_are_and_who_drew_them(written: Path) -> None:
    liver, lesion = dcmread(written).SegmentSequence
    assert liver.SegmentedPropertyTypeCodeSequence[0].CodeValue == "10200004"
    assert liver.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "123037004"
    assert lesion.SegmentedPropertyTypeCodeSequence[0].CodeValue == "49755003"
    assert lesion.SegmentAlgorithmType == "AUTOMATIC"
    assert lesion.SegmentAlgorithmName == "medsegdiff"


def test_nothing_is_said_about_the_patient_but_what_must_be(make_series: Make) -> None:
    series = make_series(
        np.zeros((3, 9, 11), np.int16),
        PatientAddress="Gasse 1",
        InstitutionName="Klinik",
        AdditionalPatientHistory="Sturz",
        PatientAge="060Y",
        OperatorsName="Wer^Da",
    )
    write_segmentation(series / "seg.dcm", drawn((3, 9, 11)), NAMES, None, series)
    found = str(dcmread(series / "seg.dcm"))
    assert "Geheim" in found  # required: the patient's name
    assert not any(word in found for word in ("Gasse", "Klinik", "Sturz", "060Y", "Wer"))


def test_probabilities_are_read_back_as_the_likeliest_label(series: Path) -> None:
    share = np.random.default_rng(0).dirichlet((1, 1, 1), (6, 9, 11)).astype(np.float32)
    share = np.moveaxis(np.rint(share * 255) / 255, -1, 0)  # as 8 bits hold them
    path = series.parent / "seg.dcm"
    write_segmentation(path, drawn((6, 9, 11)), NAMES, None, series, share)
    likeliest = share.argmax(0)
    is_clear = np.sort(share, 0)[-1] - np.sort(share, 0)[-2] > 0.01
    values = DicomSeg().read_mask(path, BUDGET, geometry(series)).values
    assert np.array_equal(values[is_clear], likeliest[is_clear])
    assert dcmread(path).SegmentationFractionalType == "PROBABILITY"
    theirs = by_highdicom(path, geometry(series), combined=False)
    np.testing.assert_allclose(np.moveaxis(theirs, -1, 0), share[1:], atol=1e-6)


def test_one_probability_of_half_or_more_is_foreground(series: Path) -> None:
    share = np.linspace(0, 1, 6 * 9 * 11, dtype=np.float32).reshape(1, 6, 9, 11)
    path = series.parent / "seg.dcm"
    write_segmentation(path, np.zeros((6, 9, 11), int), {1: "Tumour"}, None, series, share)
    values = DicomSeg().read_mask(path, BUDGET, geometry(series)).values
    assert np.array_equal(values, np.rint(share[0] * 255) >= 127.5)
    (theirs,) = np.moveaxis(by_highdicom(path, geometry(series), combined=False), -1, 0)
    assert np.array_equal(values, theirs >= 0.5)
    np.testing.assert_allclose(theirs, share[0], atol=0.5 / 255 + 1e-6)


def test_masks_that_overlap_are_read_back_by_name(series: Path) -> None:
    whole = drawn((6, 9, 11)) > 0
    masks = np.stack([whole, whole & (drawn((6, 9, 11), seed=1) > 0)])
    path, names = series.parent / "seg.dcm", {1: "whole", 2: "core"}
    write_segmentation(path, np.zeros((6, 9, 11), int), names, None, series, masks)
    assert dcmread(path).SegmentationType == "BINARY"
    for number, name in names.items():
        values = DicomSeg().read_mask(part_of(path, [name]), BUDGET, geometry(series)).values
        assert np.array_equal(values, masks[number - 1])
    theirs = by_highdicom(path, geometry(series), combined=False)
    assert np.array_equal(np.moveaxis(theirs, -1, 0), masks)
    with pytest.raises(UnreadableStudy, match="overlap"):
        DicomSeg().read_mask(path, BUDGET, geometry(series))


def test_a_multi_frame_source_keeps_its_slices(make_enhanced: Make) -> None:
    source = make_enhanced(np.zeros((6, 9, 11), np.int16), [3, 0, 5, 1, 4, 2])
    path = source.parent / "seg.dcm"
    write_segmentation(path, drawn((6, 9, 11)), NAMES, None, source)
    values = DicomSeg().read_mask(path, BUDGET, geometry(source)).values
    assert np.array_equal(np.array([0, 5, 9])[values], drawn((6, 9, 11)))
    positions = [
        frame.PlanePositionSequence[0].ImagePositionPatient[2]
        for frame in dcmread(path).PerFrameFunctionalGroupsSequence
    ]
    assert set(positions) == {9, 11, 13, 15, 17}  # all but the empty first slice


def test_a_tilted_series_keeps_its_slices(make_series: Make) -> None:
    positions = np.outer(np.arange(4), [0, 0.9, 2.5])
    series = make_series(np.zeros((4, 9, 11), np.int16), positions=positions)
    write_segmentation(series / "seg.dcm", drawn((4, 9, 11)), NAMES, None, series)
    values = DicomSeg().read_mask(series / "seg.dcm", BUDGET, geometry(series)).values
    assert np.array_equal(np.array([0, 5, 9])[values], drawn((4, 9, 11)))


def test_a_picture_gets_its_mask(make_picture: Make) -> None:
    source = make_picture(
        np.zeros((9, 11), np.uint8),
        StudyInstanceUID="1.2.3",
        SeriesInstanceUID="1.2.4",
        SOPClassUID="1.2.840.10008.5.1.4.1.1.6.1",
        Modality="US",
    )
    labels = np.eye(9, 11, dtype=int)
    write_segmentation(source.with_name("seg.dcm"), labels, {1: "Nodule"}, None, source)
    mask = DicomSeg().read_mask(source.with_name("seg.dcm"), BUDGET, geometry(source))
    assert np.array_equal(mask.values, labels)


@pytest.mark.parametrize("share", [None, 0.0, 0.001])
def test_an_empty_mask_is_written_whole_and_without_a_word(
    series: Path, share: float | None, caplog: pytest.LogCaptureFixture
) -> None:
    maps = None if share is None else np.full((1, 6, 9, 11), share, np.float32)
    path, labels = series.parent / "seg.dcm", np.zeros((6, 9, 11), int)
    write_segmentation(path, labels, {1: "Tumour"}, None, series, maps)
    assert dcmread(path).NumberOfFrames == 6
    assert not caplog.records


def test_an_empty_mask_is_written_too(series: Path) -> None:
    path = series.parent / "seg.dcm"
    write_segmentation(path, np.zeros((6, 9, 11), int), NAMES, None, series)
    assert not DicomSeg().read_mask(path, BUDGET, geometry(series)).values.any()


@pytest.mark.parametrize(
    ("labels", "names", "said"),
    [
        (np.ones((6, 9, 11), int), {2: "Leber"}, "without one: .1."),
        (np.ones((6, 9, 11), int), {}, "a name for each label"),
        (np.ones((5, 9, 11), int), {1: "Leber"}, "the mask has shape"),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(
    series: Path, labels: np.ndarray, names: dict[int, str], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        write_segmentation(series.parent / "seg.dcm", labels, names, None, series)


def test_a_source_without_a_study_is_refused(make_series: Make) -> None:
    series = make_series(np.zeros((3, 9, 11), np.int16), StudyInstanceUID="")
    with pytest.raises(DataError, match="does not say StudyInstanceUID"):
        write_segmentation(series / "seg.dcm", drawn((3, 9, 11)), NAMES, None, series)


# Reading


def test_segments_of_a_path_are_numbered_in_its_order(series: Path, written: Path) -> None:
    path = part_of(written, ["läsion/lesion", "Leber"])
    assert DicomSeg().claims(path)
    values = DicomSeg().read_mask(path, BUDGET, geometry(series)).values
    assert np.array_equal(np.array([0, 9, 5])[values], drawn((6, 9, 11)))


def test_unknown_segments_are_refused(series: Path, written: Path) -> None:
    with pytest.raises(UnreadableStudy, match=r"has none of Milz; it has Leber, Läsion/lesion"):
        DicomSeg().read_mask(part_of(written, ["Milz"]), BUDGET, geometry(series))


def test_alone_it_has_the_grid_of_its_frames(series: Path, written: Path) -> None:
    mask = DicomSeg().read_mask(written, BUDGET, None)
    whole = geometry(series)
    assert mask.geometry.shape == (5, 9, 11)  # without the empty first slice
    assert torch.allclose(mask.geometry.affine[:, :3], whole.affine[:, :3])
    assert np.array_equal(np.array([0, 5, 9])[mask.values], drawn((6, 9, 11))[1:])
    assert DicomSeg().read_header(written, BUDGET).geometry.shape == (5, 9, 11)


def test_a_mask_may_be_stored_in_another_orientation(series: Path, written: Path) -> None:
    turned = geometry(series)
    affine = turned.affine.clone()
    affine[:3] = affine[:3] @ torch.tensor(
        [[0, 0, 1, 0], [0, -1, 0, 8], [1, 0, 0, 0], [0, 0, 0, 1.0]], dtype=torch.float64
    )
    like = Geometry((11, 9, 6), (0.75, 0.5, 2.5), affine)
    values = DicomSeg().read_mask(written, BUDGET, like).values
    expected = drawn((6, 9, 11)).transpose(2, 1, 0)[:, ::-1]
    assert np.array_equal(np.array([0, 5, 9])[values], expected)


def moved(like: Geometry, by: tuple[float, float, float]) -> Geometry:
    affine = like.affine.clone()
    affine[:3, 3] += torch.tensor(by, dtype=torch.float64)
    return Geometry(like.shape, like.spacing_mm, affine)


@pytest.mark.parametrize("by", [(0, 0, 1.25), (0.3, 0, 0), (0, 0, -2.5), (0.75, 0, 0)])
def test_another_grid_is_refused(
    series: Path, written: Path, by: tuple[float, float, float]
) -> None:
    with pytest.raises(GridMismatch, match=r"off by|outside"):
        DicomSeg().read_mask(written, BUDGET, moved(geometry(series), by))


def test_voxels_of_another_size_are_refused(series: Path, written: Path) -> None:
    like = geometry(series)
    half = like.affine @ torch.diag(torch.tensor([1, 0.5, 0.5, 1], dtype=torch.float64))
    with pytest.raises(GridMismatch, match="another size"):
        DicomSeg().read_mask(written, BUDGET, Geometry((6, 18, 22), (2.5, 0.25, 0.375), half))


def overlapping(dataset: Dataset) -> None:
    dataset.PixelData = b"\xff" * len(dataset.PixelData)


def shortened(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[:-2]


@pytest.mark.parametrize(
    ("change", "said"), [(overlapping, "overlap"), (shortened, "bytes of pixels")]
)
def test_a_damaged_mask_is_refused(
    series: Path, written: Path, change: Callable[[Dataset], None], said: str
) -> None:
    dataset = dcmread(written)
    change(dataset)
    dataset.save_as(written)
    with pytest.raises(UnreadableStudy, match=said):
        DicomSeg().read_mask(written, BUDGET, geometry(series))


def test_a_mask_larger_than_the_budget_is_refused(series: Path, written: Path) -> None:
    with pytest.raises(ResourceError):
        DicomSeg().read_mask(written, 100, geometry(series))


def test_masks_and_images_are_told_apart(series: Path, written: Path) -> None:
    image = next(series.iterdir())
    assert (DicomSeg().claims(written), DicomSeg().claims(image)) == (True, False)
    assert (Dicom().claims(written), Dicom().claims(image)) == (False, True)
    assert not DicomSeg().claims(series)
    with pytest.raises(UnreadableStudy, match="no segmentation"):
        DicomSeg().read_mask(image, BUDGET, None)
    with pytest.raises(DataError, match="no image"):
        DicomSeg().read_image(written, BUDGET)


def test_a_label_map_is_read(series: Path) -> None:
    headers = [dcmread(path) for path in series_in(series)[0].files]
    for dataset in headers:
        dataset.SliceThickness = 2.5
    described = dcmread(_binary(series)).SegmentSequence
    labels = drawn((6, 9, 11)) // 4
    for dataset in headers:
        for keyword in ("PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID"):
            setattr(dataset, keyword, "")
        dataset.StudyDate = dataset.StudyTime = None
    label_map = highdicom.seg.Segmentation(
        headers,
        labels.astype(np.uint8),
        "LABELMAP",
        [highdicom.seg.SegmentDescription.from_dataset(item) for item in described],
        *("1.2.5", 1, "1.2.6", 1, "maker", "model", "1", "0"),
    )
    label_map.save_as(series.parent / "labels.dcm")
    mask = DicomSeg().read_mask(series.parent / "labels.dcm", BUDGET, geometry(series))
    assert np.array_equal(mask.values, labels)


def _binary(series: Path) -> Path:
    path = series.parent / "seg.dcm"
    write_segmentation(path, drawn((6, 9, 11)), NAMES, None, series)
    return path


# Real ones


def test_the_real_liver_lies_on_the_right_slices(shared_data: Path) -> None:
    folder = shared_data / "dicom" / "ct_liver_seg"
    mask = DicomSeg().read_mask(folder / "seg/liver.dcm", BUDGET, geometry(folder / "ct"))
    files = series_in(folder / "ct")[0].files
    pictures = [Image.open(folder / "masks_png" / f"{file.stem}.png") for file in files]
    drawn_there = np.array([np.asarray(picture) > 0 for picture in pictures])
    assert np.array_equal(mask.values > 0, drawn_there)  # Dice 1.000
    assert drawn_there.any((1, 2)).all()
    assert segment_names(folder / "seg/liver.dcm") == {1: "Liver"}


@pytest.mark.parametrize("name", ["ct_liver_seg/ct", "mr_hippocrop_study1"])
def test_masks_of_real_series_are_read_back_by_others(
    shared_data: Path, tmp_path: Path, name: str
) -> None:
    series = shared_data / "dicom" / name
    labels = drawn(geometry(series).shape)
    write_segmentation(tmp_path / "seg.dcm", labels, NAMES, None, series)
    assert np.array_equal(np.array([0, 5, 9])[by_hand(tmp_path / "seg.dcm", series)], labels)
    found = by_highdicom(tmp_path / "seg.dcm", geometry(series))
    assert np.array_equal(np.array([0, 5, 9])[found], labels)
