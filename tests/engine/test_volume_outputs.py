"""Volumes in OUT: on the grid of their image, in its format; DICOM SEG; regions."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import highdicom
import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
import torch
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from medsegdiff.data import LabelMap
from medsegdiff.data.declared_labels import Region
from medsegdiff.data.geometry import same_grid
from medsegdiff.data.pictures import CLASS_COLOURS
from medsegdiff.data.reader import read_image, read_mask
from medsegdiff.data.terminology import Concept
from medsegdiff.engine.evaluate import evaluate_folders
from medsegdiff.engine.evaluation_files import summary_values
from medsegdiff.engine.outputs import Extras, StudyPrediction
from medsegdiff.engine.weights import TrainedModel

SHAPE = (9, 12, 14)  # D, H, W
ORGANS = LabelMap(names=("background", "liver", "tumour"), values=(0, 5, 1000))
WHOLE = ORGANS.model_copy(
    update={
        "regions": (
            Region(name="whole", classes=(1, 2), painted=1),
            Region(name="tumour", classes=(2,), painted=2),
        )
    }
)
HIPPOCAMPUS = codes.SCT.Hippocampus
ALL = Extras(probabilities=True, uncertainty=True, members=True, previews=True)


@pytest.fixture
def sheared(tmp_path: Path) -> Path:
    """An image on an oblique grid."""
    affine = np.array([[-0.7, 0.1, 0, 12], [0, 0.6, 0.4, -3], [0.1, 0, 2.5, 40], [0, 0, 0, 1]])
    image = np.random.default_rng(0).normal(size=SHAPE[::-1]).astype(np.float32)
    path = tmp_path / "in" / "study_0000.nii.gz"
    path.parent.mkdir()
    nibabel.save(nibabel.Nifti1Image(image, affine), path)
    return path


def drawn(path: Path, label_map: LabelMap = ORGANS) -> StudyPrediction:
    scan = read_image(path)
    shape = scan.geometry.shape
    generator = torch.Generator().manual_seed(0)
    mask = torch.zeros(shape, dtype=torch.long)
    mask[2:6, 3:9, 4:10] = 1
    mask[3:5, 4:6, 5:7] = 2
    probability = torch.rand(label_map.mask_channels, *shape, generator=generator)
    return StudyPrediction(
        study="study",
        mask=mask,
        probability=probability,
        uncertainty=torch.rand(shape, generator=generator) * math.log(2),
        mutual_information=torch.zeros(shape),
        quality=0.9,
        members=torch.stack([mask, mask]).to(torch.uint8),
        geometry=scan.geometry,
        provenance={},
        image=scan.image,
        label_map=label_map,
        path=path,
    )


def test_the_root_holds_the_mask_alone_on_the_grid_of_the_image(sheared: Path, tmp_path: Path):
    path = drawn(sheared).save(tmp_path / "out", ALL)
    assert [one for one in (tmp_path / "out").iterdir() if one.is_file()] == [path]
    written, image = nibabel.load(path), nibabel.load(sheared)
    np.testing.assert_array_equal(written.affine, image.affine)
    assert set(np.unique(np.asanyarray(written.dataobj))) == {0, 5, 1000}
    assert np.asanyarray(written.dataobj)[5, 4, 3] == 1000  # x, y, z


def test_maps_are_float32_from_0_to_1_on_the_same_grid(sheared: Path, tmp_path: Path):
    prediction = drawn(sheared)
    prediction.save(tmp_path, ALL)
    for file, expected in (
        ("probabilities/class_2/study.nii.gz", prediction.probability[2]),
        ("uncertainty/study.nii.gz", prediction.uncertainty / math.log(3)),
    ):
        stored = nibabel.load(tmp_path / file)
        assert stored.get_data_dtype() == np.float32
        np.testing.assert_array_equal(stored.affine, nibabel.load(sheared).affine)
        torch.testing.assert_close(read_image(tmp_path / file).image[0], expected)


@pytest.mark.parametrize("ending", [".nii", ".nrrd", ".mha"])
def test_every_format_gets_its_own_back(sheared: Path, tmp_path: Path, ending: str):
    image = sitk.GetImageFromArray(np.zeros(SHAPE, dtype=np.int16))
    image.SetSpacing((0.5, 0.75, 3.0))
    image.SetOrigin((10.0, -20.0, 5.5))
    path = sheared.with_name(f"other{ending}")
    sitk.WriteImage(image, str(path))
    prediction = replace(drawn(path), study="other")
    written = prediction.save(tmp_path / "out", ALL)
    assert written.name == f"other{ending}"
    found = sitk.ReadImage(str(written))
    np.testing.assert_allclose(found.GetSpacing(), image.GetSpacing())
    np.testing.assert_allclose(found.GetOrigin(), image.GetOrigin())
    assert sitk.GetArrayFromImage(found)[3, 4, 5] == 1000


def test_members_read_back(sheared: Path, tmp_path: Path):
    prediction = drawn(sheared)
    prediction.save(tmp_path, ALL)
    member = read_mask(tmp_path / "members" / "member_1" / "study.nii.gz")
    assert torch.equal(ORGANS.encode(member.values), prediction.mask)


def test_regions_have_probabilities_and_figures_of_their_own(sheared: Path, tmp_path: Path):
    prediction = drawn(sheared, WHOLE)
    prediction.save(tmp_path, ALL)
    folders = {one.name for one in (tmp_path / "probabilities").iterdir()}
    assert folders == {"region_1", "region_2"}
    found = prediction.statistics()
    assert found["regions"]["whole"]["n_voxels"] == 4 * 6 * 6
    assert found["classes"]["liver"]["n_voxels"] == 4 * 6 * 6 - 8
    json.dumps(found, allow_nan=False)


def test_regions_are_scored_under_nnunets_keys(sheared: Path, tmp_path: Path):
    prediction = drawn(sheared, WHOLE)
    for folder in ("gt", "out"):
        prediction.save(tmp_path / folder, Extras(probabilities=folder == "out"))
    labels = {"background": 0, "whole": [5, 1000], "tumour": 1000}
    declared = {"labels": labels, "regions_class_order": [5, 1000]}
    (tmp_path / "dataset.json").write_text(json.dumps(declared), encoding="utf-8")
    values = summary_values(evaluate_folders(tmp_path / "gt", tmp_path / "out"))
    assert set(values["mean"]) == {"(1, 2)", "2"}
    assert values["mean"]["(1, 2)"]["n_ref"] == 144
    assert values["calibration"]["everywhere"]["voxels"] == 2 * math.prod(SHAPE)


def test_a_preview_has_three_columns_and_three_rows(sheared: Path):
    sheet = drawn(sheared).preview()
    assert sheet.width > 2.8 * 256
    assert 0.9 < sheet.width / sheet.height < 1


def test_a_preview_says_which_colour_is_which_class(sheared: Path):
    last_lines = np.asarray(drawn(sheared).preview())[-20:]
    for colour in CLASS_COLOURS[:2]:
        assert (last_lines == colour).all(axis=-1).sum() > 100


def test_a_dicom_series_gets_nifti_in_the_root_and_a_dicom_seg(shared_data: Path, tmp_path: Path):
    series = shared_data / "dicom" / "mr_hippocrop_study1"
    folder = next(one.parent for one in sorted(series.rglob("*.dcm")))
    prediction = drawn(folder)
    path = prediction.save(tmp_path, ALL)
    assert path.name == "study.nii.gz"
    assert [one for one in tmp_path.iterdir() if one.is_file()] == [path]
    grid = read_image(folder).geometry
    assert same_grid(read_mask(path).geometry, grid) is None
    written = {one.name for one in (tmp_path / "dicom_seg").iterdir()}
    assert written == {"study.dcm", "study_probability.dcm"}
    files = sorted((tmp_path / "dicom_seg").iterdir())
    told = [str(pydicom.dcmread(file).SeriesDescription) for file in files]
    assert told == ["medsegdiff mask", "medsegdiff probability"]
    found = read_mask(tmp_path / "dicom_seg" / "study.dcm", like=grid).values
    np.testing.assert_array_equal(found, prediction.mask.numpy())


def test_the_codes_of_the_classes_are_in_the_dicom_seg(shared_data: Path, tmp_path: Path):
    folder = shared_data / "dicom" / "mr_hippocrop_study1"
    liver = Concept(name="liver", value="10200004", meaning="Liver")
    drawn(folder, ORGANS.model_copy(update={"codes": (liver,)})).save(tmp_path)
    segments = pydicom.dcmread(tmp_path / "dicom_seg" / "study.dcm").SegmentSequence
    (kind,) = segments[0].SegmentedPropertyTypeCodeSequence
    assert (kind.CodeValue, kind.CodeMeaning) == ("10200004", "Liver")
    assert segments[1].SegmentedPropertyTypeCodeSequence[0].CodeValue != "10200004"


def test_the_bundled_hippocampus_has_the_code_of_dicoms_own_list(shared_data, tmp_path: Path):
    labels = TrainedModel.load("hippocampus", "cpu").config.labels
    drawn(shared_data / "dicom" / "mr_hippocrop_study1", labels).save(tmp_path)
    segments = pydicom.dcmread(tmp_path / "dicom_seg" / "study.dcm").SegmentSequence
    assert [one.SegmentLabel for one in segments] == [
        "anterior_hippocampus",
        "posterior_hippocampus",
    ]
    for segment in segments:
        (kind,) = segment.SegmentedPropertyTypeCodeSequence
        assert Code(kind.CodeValue, kind.CodingSchemeDesignator, kind.CodeMeaning) == HIPPOCAMPUS


def test_regions_overlap_in_the_dicom_seg_under_their_own_names(shared_data: Path, tmp_path: Path):
    folder = shared_data / "dicom" / "mr_hippocrop_study1"
    regions = (
        Region(name="whole", classes=(1, 2, 3), painted=2),
        Region(name="core", classes=(1, 3), painted=1),
    )
    tumour = LabelMap(
        names=("background", "necrosis", "oedema", "enhancing"),
        values=(0, 1, 2, 3),
        regions=regions,
        codes=(
            Concept(name="whole", value="108369006", meaning="Tumor"),
            Concept(name="core", value="6574001", meaning="Necrosis"),
        ),
    )
    prediction = drawn(folder, tumour)
    prediction.save(tmp_path)
    path = tmp_path / "dicom_seg" / "study.dcm"
    told = pydicom.dcmread(path)
    assert told.SegmentationType == "BINARY"
    codes = [one.SegmentedPropertyTypeCodeSequence[0].CodeValue for one in told.SegmentSequence]
    assert [one.SegmentLabel for one in told.SegmentSequence] == ["whole", "core"]
    assert codes == ["108369006", "6574001"]
    masks = [prediction.mask > 0, prediction.mask == 1]
    for number, (region, mask) in enumerate(zip(regions, masks, strict=True), start=1):
        found = read_mask(path / region.name, like=prediction.geometry)
        np.testing.assert_array_equal(found.values, mask.numpy())
        frames = highdicom.seg.segread(path).get_volume(segment_numbers=[number])
        assert frames.array.sum() == mask.sum()
