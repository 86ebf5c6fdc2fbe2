from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import Dataset, dcmread
from pydicom.uid import MPEG2MPML, JPEG2000Lossless, RLELossless

from medsegdiff.data.formats.dicom import Dicom, series_in
from medsegdiff.errors import DataError, ResourceError, UnreadableStudy

BUDGET = 2**30
VALUES = np.random.default_rng(0).integers(-1000, 1000, (6, 9, 11), dtype=np.int16)
LARGER = np.random.default_rng(0).integers(-1000, 1000, (2, 64, 48), dtype=np.int16)
ORIGIN = np.array([-10.0, -20.0, 30.0])
LPS = np.diag([-1, -1, 1])
Make = Callable[..., Path]


def read(path: Path) -> np.ndarray:
    return Dicom().read_image(path, BUDGET).image.numpy()


def refused(path: Path) -> str:
    with pytest.raises(UnreadableStudy) as caught:
        Dicom().read_image(path, BUDGET)
    assert "Geheim" not in str(caught.value)
    assert "4711" not in str(caught.value)
    return str(caught.value)


def line(heights: list[float]) -> np.ndarray:
    return ORIGIN + np.outer(heights, [0, 0, 1])


# Order and geometry


def test_slices_come_in_the_order_of_their_positions(make_series: Make) -> None:
    scan = Dicom().read_image(make_series(VALUES), BUDGET)
    assert np.array_equal(scan.image[0].numpy(), VALUES)
    assert scan.geometry.spacing_mm == (2.5, 0.5, 0.75)
    expected = [[0, 0, -0.75, 10], [0, -0.5, 0, 20], [2.5, 0, 0, 30], [0, 0, 0, 1]]
    assert np.array_equal(scan.geometry.affine.numpy(), expected)


def test_a_series_from_head_to_foot_is_turned_round(make_series: Make) -> None:
    positions = line([0, -2, -4, -6, -8, -10])
    scan = Dicom().read_image(make_series(VALUES, positions=positions), BUDGET)
    assert np.array_equal(scan.image[0].numpy(), VALUES[::-1])
    assert scan.geometry.affine[2, 3] == 20


def test_an_oblique_series_is_what_simpleitk_reads(make_series: Make) -> None:
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    turn[:, 2] = np.cross(turn[:, 0], turn[:, 1])
    cosines = [float(f"{x:.9f}") for x in turn.T[:2].ravel()]
    positions = ORIGIN + np.outer(np.arange(6) * 1.7, turn[:, 2])
    folder = make_series(VALUES, positions=positions, ImageOrientationPatient=cosines)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image, scan = reader.Execute(), Dicom().read_image(folder, BUDGET)
    assert np.array_equal(scan.image[0].numpy(), sitk.GetArrayFromImage(image))
    point = image.TransformIndexToPhysicalPoint((7, 5, 4))
    ours = scan.geometry.affine.numpy() @ [4, 5, 7, 1]
    assert LPS @ ours[:3] == pytest.approx(point, abs=1e-5)


def test_a_tilted_gantry_is_exact_in_the_affine(make_series: Make) -> None:
    positions = ORIGIN + np.outer(np.arange(6), [0, 0.9, 2.5])
    geometry = Dicom().read_image(make_series(VALUES, positions=positions), BUDGET).geometry
    for d, position in enumerate(positions):
        assert geometry.affine.numpy()[:3] @ [d, 0, 0, 1] == pytest.approx(LPS @ position)


def test_a_multi_frame_file_is_sorted_and_rescaled_frame_by_frame(make_enhanced: Make) -> None:
    scan = Dicom().read_image(make_enhanced(VALUES, [3, 0, 5, 1, 4, 2]), BUDGET)
    d = np.arange(6)[:, None, None]
    assert np.array_equal(scan.image[0].numpy(), VALUES * (d + 1.0) - d)
    assert scan.geometry.affine[:3, 3].tolist() == [-5, -6, 7]


def test_frames_without_a_place_stay_in_their_order(make_picture: Make) -> None:
    scan = Dicom().read_image(make_picture(VALUES), BUDGET)
    assert np.array_equal(scan.image[0].numpy(), VALUES)
    assert scan.geometry.affine is None


def test_one_frame_is_a_picture(make_picture: Make) -> None:
    header = Dicom().read_header(make_picture(VALUES[0], PixelSpacing=[0.2, 0.3]), BUDGET)
    assert (header.shape, header.channels, header.bits) == ((9, 11), 1, 16)
    assert header.geometry.spacing_mm == (0.2, 0.3)


@pytest.mark.parametrize(
    ("heights", "said"),
    [
        ([0, 1, 2, 4, 5, 6], r"lacks 1 slice\(s\): after slice 3 of 6"),
        ([0, 1, 2, 2, 3, 4], "6 slices at only 5 positions"),
        ([0, 1, 2, 0, 1, 2], "6 slices at only 3 positions"),
        ([0, 1, 2, 3.4, 4, 5], "irregular distances of 0.6 to 1.4 mm"),
        ([0, 1, 2, 3.02, 4, 5], "irregular distances"),
    ],
)
def test_what_is_no_regular_stack_is_refused(
    make_series: Make, heights: list[float], said: str
) -> None:
    assert re.search(said, refused(make_series(VALUES, positions=line(heights))))


def test_rounded_positions_are_no_irregularity(make_series: Make) -> None:
    folder = make_series(VALUES, positions=line([0, 1.004, 2, 3, 3.996, 5]))
    assert Dicom().read_header(folder, BUDGET).geometry.spacing_mm[0] == pytest.approx(1)


def test_slices_shifted_sideways_are_refused(make_series: Make) -> None:
    positions = line([0, 1, 2, 3, 4, 5])
    positions[3, 0] += 0.5
    assert "not lie on one regular grid: they are off by up to 0.5 mm" in refused(
        make_series(VALUES, positions=positions)
    )


@pytest.mark.parametrize(
    ("keyword", "value", "said"),
    [
        ("ImageOrientationPatient", [0, 1, 0, 0, 0, -1], "not parallel"),
        ("PixelSpacing", [0.5, 0.8], "pixels of"),
        ("PixelSpacing", [0.5, -0.75], "without a size"),
        ("PhotometricInterpretation", "MONOCHROME1", "several sizes or kinds"),
        ("ImagePositionPatient", None, "do not all say where they lie"),
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0], "right angles"),
        ("SeriesInstanceUID", "1.2.3", "holds 2 series: .*, 1 file.*, 5 file"),
    ],
)
def test_a_slice_that_differs_is_refused(
    make_series: Make, keyword: str, value: object, said: str
) -> None:
    def change(dataset: Dataset, d: int) -> None:
        if d == 4:
            dataset.SeriesNumber = 1
            setattr(dataset, keyword, value)

    assert re.search(said, refused(make_series(VALUES, change=change, SeriesNumber=2)))


# Intensities


def test_each_slice_is_rescaled_as_it_says(make_series: Make) -> None:
    def change(dataset: Dataset, d: int) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept = 0.5 + d, -1024

    slope = 0.5 + np.arange(6)[:, None, None]
    assert np.array_equal(read(make_series(VALUES, change=change))[0], VALUES * slope - 1024)


def test_inverted_grey_is_turned_round(make_picture: Make) -> None:
    values = np.random.default_rng(0).integers(0, 4096, (8, 9), dtype=np.uint16)
    path = make_picture(values, PhotometricInterpretation="MONOCHROME1", BitsStored=12)
    assert np.array_equal(read(path)[0], 4095 - values.astype(int))


def test_bits_that_are_not_stored_are_left_out(make_picture: Make) -> None:
    signed = np.array([[-2048, -1, 0, 2047]], dtype=np.int16)
    overlaid = (signed & 0x0FFF) | np.array([[0, 0x1000, 0x7000, 0x2000]], dtype=np.int16)
    assert np.array_equal(read(make_picture(overlaid, BitsStored=12))[0], signed)


def test_padding_is_an_intensity_like_any_other(make_picture: Make) -> None:
    path = make_picture(VALUES[0], PixelPaddingValue=int(VALUES[0, 0, 0]), RescaleIntercept=-24)
    assert np.array_equal(read(path)[0], VALUES[0] - 24.0)


def test_colours_come_first(make_picture: Make) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (8, 9, 3), dtype=np.uint8)
    assert np.array_equal(read(make_picture(colours)), colours.transpose(2, 0, 1))


def test_luminance_and_chrominance_become_red_green_blue(make_picture: Make) -> None:
    red = np.full((8, 8, 3), (76, 85, 255), dtype=np.uint8)  # PS3.3, C.7.6.3.1.2
    image = read(make_picture(red, PhotometricInterpretation="YBR_FULL"))
    assert np.abs(image[:, 0, 0] - (255, 0, 0)).max() <= 1


def test_a_palette_becomes_colours(make_picture: Make) -> None:
    table = np.arange(256, dtype=np.uint8)
    lut = {f"{c}PaletteColorLookupTableDescriptor": [256, 0, 8] for c in ("Red", "Green", "Blue")}
    data = {
        "RedPaletteColorLookupTableData": table.tobytes(),
        "GreenPaletteColorLookupTableData": table[::-1].tobytes(),
        "BluePaletteColorLookupTableData": bytes(256),
    }
    values = np.arange(64, dtype=np.uint8).reshape(8, 8)
    image = read(make_picture(values, PhotometricInterpretation="PALETTE COLOR", **lut, **data))
    assert np.array_equal(image, np.stack([values, 255 - values, 0 * values]))


# Compression and damage


def compressed(path: Path, syntax: str) -> Dataset:
    dataset = dcmread(path)
    dataset.compress(syntax)
    dataset.save_as(path)
    return dataset


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, RLELossless])
def test_compressed_frames_are_decoded(make_picture: Make, syntax: str) -> None:
    pytest.importorskip("openjpeg", reason="the extra `jpeg` is not installed")
    path = make_picture(LARGER)
    compressed(path, syntax)
    assert np.array_equal(read(path)[0], LARGER)


def test_a_compressed_frame_that_ends_early_is_refused(make_picture: Make) -> None:
    pytest.importorskip("openjpeg", reason="the extra `jpeg` is not installed")
    path = make_picture(LARGER[0])
    dataset = compressed(path, JPEG2000Lossless)
    dataset.PixelData = dataset.PixelData.replace(b"\xff\xd9", b"\0\0")
    dataset.save_as(path)
    assert "ends early" in refused(path)


def test_a_compressed_frame_larger_than_declared_is_refused(make_picture: Make) -> None:
    pytest.importorskip("openjpeg", reason="the extra `jpeg` is not installed")
    path = make_picture(LARGER[0])
    dataset = compressed(path, JPEG2000Lossless)
    dataset.Rows = 5
    dataset.save_as(path)
    assert "declares 5 x 48 pixels, but its compressed frame is 64 x 48" in refused(path)


def test_without_a_decoder_the_extra_is_named(make_picture: Make) -> None:
    path = make_picture(VALUES[0])
    dataset = dcmread(path)
    dataset.file_meta.TransferSyntaxUID = MPEG2MPML
    dataset["PixelData"].is_undefined_length = True
    dataset.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\4\0\0\0abcd"
    dataset.save_as(path)
    assert 'pip install -c constraints.txt ".[jpeg]"' in refused(path)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.99])
def test_a_truncated_file_is_refused(make_series: Make, share: float) -> None:
    folder = make_series(VALUES)
    path = sorted(folder.iterdir())[2]
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert str(path) in refused(folder)


def test_more_pixels_than_declared_are_refused(make_picture: Make) -> None:
    path = make_picture(VALUES[0])
    dataset = dcmread(path)
    dataset.Rows = 8
    dataset.save_as(path)
    assert "declares 176 bytes of pixels but holds 198" in refused(path)


def test_a_file_that_declares_too_much_is_refused_before_it_is_read(make_picture: Make) -> None:
    path = make_picture(VALUES[0], NumberOfFrames=2**31 - 1)
    with pytest.raises(ResourceError, match="more than the"):
        Dicom().read_image(path, BUDGET)


@pytest.mark.parametrize("content", [b"", b"GIF89a", bytes(128) + b"DICM" + bytes(50)])
def test_what_is_not_dicom_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "slice.dcm"
    path.write_bytes(content)
    assert Dicom().claims(path)
    assert "Copy it again" in refused(path)


def test_values_of_the_file_do_not_get_into_errors(make_series: Make) -> None:
    def change(dataset: Dataset, d: int) -> None:
        dataset.PatientName = "GEHEIM^PATIENTIN"
        dataset.SeriesDescription = "Kopf Geheim PAT-4711"
        dataset.SeriesInstanceUID = f"1.2.{d}"

    said = refused(make_series(VALUES, change=change))
    assert "no number, CT, 1 file(s)" in said
    assert not any(word in said for word in ("Geheim", "PAT-4711", "1.2.3"))


def test_values_of_the_file_do_not_get_into_warnings(make_series: Make) -> None:
    folder = make_series(VALUES, SeriesInstanceUID="1.2.3")
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"1.2.3", b"1.2>3"))
    assert np.array_equal(read(folder)[0], VALUES)  # a warning would be an error here
    assert len(series_in(folder)) == 1


# Which paths, and the series of a folder


def test_folders_and_pictures_are_claimed(make_series: Make, make_picture: Make) -> None:
    folder, path = make_series(VALUES), make_picture(VALUES[0], "IM0001")
    assert all(map(Dicom().claims, (folder, path, Path("missing.dcm"))))
    (folder.parent / "notes").write_text("nothing")
    assert not any(map(Dicom().claims, (folder.parent / "notes", Path("a.png"))))


def test_series_of_a_folder_are_told_apart(make_series: Make) -> None:
    make_series(VALUES, SeriesNumber=7, SeriesDescription="thin")
    folder = make_series(VALUES[:, :5], positions=line([9, 8, 7, 6, 5, 4]))
    for path in sorted(folder.iterdir()):
        path.rename(path.with_suffix(".ima"))
    make_series(VALUES, SeriesNumber=7, SeriesDescription="thin")
    first, second = series_in(folder)
    assert (first.number, first.description) == (7, "number 7, CT, 6 file(s)")
    heights = [dcmread(path).ImagePositionPatient[2] for path in second.files]
    assert heights == sorted(heights)
    assert first.patient == second.patient


def test_dicom_pictures_may_be_masks(make_series: Make) -> None:
    mask = Dicom().read_mask(make_series(VALUES), BUDGET, None)
    assert np.array_equal(mask.values, VALUES)


def test_nothing_is_written_as_dicom_pictures(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="written as NIfTI"):
        Dicom().write(tmp_path / "mask.dcm", VALUES, None)


@pytest.mark.parametrize("name", ["ct_liver_seg/ct", "mr_hippocrop_study1", "mr_hippocrop_study2"])
def test_real_series_are_what_simpleitk_reads(shared_data: Path, name: str) -> None:
    folder = shared_data / "dicom" / name
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image, scan = reader.Execute(), Dicom().read_image(folder, BUDGET)
    assert np.array_equal(scan.image[0].numpy(), sitk.GetArrayFromImage(image))
    assert LPS @ scan.geometry.affine[:3, 3].numpy() == pytest.approx(image.GetOrigin())
    assert scan.geometry.spacing_mm[::-1] == pytest.approx(image.GetSpacing())


def test_a_slice_that_is_a_link_to_nothing_or_a_folder_is_named(make_series: Make) -> None:
    folder = make_series(VALUES)
    last = folder / f"{(5 * 37 + 11) % 101:03d}.dcm"
    last.unlink()
    last.symlink_to("gone.dcm")
    assert last.name in refused(folder)
    last.unlink()
    last.mkdir()
    assert last.name in refused(folder)


def test_a_frame_without_a_place_among_others_is_refused(make_enhanced: Make) -> None:
    path = make_enhanced(VALUES, order=[0, 1, 2, 3, 4, 5])
    dataset = dcmread(path)
    del dataset.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence
    dataset.save_as(path)
    assert "do not all say where" in refused(path)


@pytest.mark.parametrize(("slope", "word"), [(0, "RescaleSlope of 0"), ("1e300", "not finite")])
def test_a_slope_that_leaves_nothing_is_refused(make_series: Make, slope: Any, word: str) -> None:
    assert word in refused(make_series(VALUES, RescaleSlope=slope, RescaleIntercept=0))


def test_an_empty_slice_may_have_no_slope(make_series: Make) -> None:
    folder = make_series(np.zeros_like(VALUES), RescaleSlope=0, RescaleIntercept=0)
    assert not read(folder).any()
