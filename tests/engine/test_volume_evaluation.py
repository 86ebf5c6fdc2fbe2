"""Volumes against volumes: millimetres, grids, lesions, raters, nnU-Net's folders and schema."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from official_trees import built, ddti

from medsegdiff.data import write_labels
from medsegdiff.engine.evaluate import evaluate_folders
from medsegdiff.engine.evaluation_files import summary_table, summary_values, write_csv
from medsegdiff.engine.opening import open_data
from medsegdiff.engine.study_score import Scoring
from medsegdiff.errors import DataError

SPACING = (0.5, 0.75, 3.0)  # x, y, z
NNUNET_KEYS = {"Dice", "IoU", "TP", "FP", "FN", "TN", "n_pred", "n_ref"}


def block(low: int, high: int, value: int = 1, shape: tuple[int, ...] = (20, 22, 12)) -> np.ndarray:
    mask = np.zeros(shape, dtype=np.uint8)
    mask[low:high, low:high, 2:6] = value
    return mask


def save(folder: Path, shift_mm: float = 0, **masks: np.ndarray) -> Path:
    affine = np.diag([*SPACING, 1.0])
    affine[0, 3] = shift_mm
    folder.mkdir(parents=True, exist_ok=True)
    for name, mask in masks.items():
        nibabel.save(nibabel.Nifti1Image(mask, affine), folder / f"{name}.nii.gz")
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """An nnU-Net raw folder and the predictions of one of its two test studies, 2 voxels off."""
    raw = tmp_path / "Dataset001"
    save(raw / "labelsTs", a=block(4, 14), b=block(4, 8))
    save(raw / "labelsTr", c=block(4, 8))
    declared = {"labels": {"background": 0, "tumour": 1}, "file_ending": ".nii.gz"}
    (raw / "dataset.json").write_text(json.dumps(declared), encoding="utf-8")
    return raw, save(tmp_path / "out", a=block(6, 14))


@pytest.mark.parametrize("inside", ["", "labelsTs"])
def test_distances_and_volumes_are_in_the_patients_units(folders, inside: str):
    summary = evaluate_folders(folders[0] / inside, folders[1])
    (score,) = summary.scores
    assert summary.missing == ("b",)
    assert summary.label_map.names == ("background", "tumour")
    assert score.geometry.spacing_mm == SPACING[::-1]
    assert score.values["HD95"] == (pytest.approx(1.5),)  # 2 rows of 0.75 mm
    assert 0 < score.values["ASSD"][0] < 1
    missing = 4 * (100 - 64)
    assert score.values["volume_difference_ml"] == (pytest.approx(-missing * 1.125 / 1000),)
    assert score.values["volume_difference_percent"] == (pytest.approx(-36),)


def test_the_tolerance_is_a_setting(folders):
    strict = evaluate_folders(*folders, scoring=Scoring(tolerance=0.1)).means["NSD"].mean
    assert strict < evaluate_folders(*folders).means["NSD"].mean == 1


def test_a_grid_that_lies_elsewhere_is_refused_with_the_distance(tmp_path: Path):
    truth = save(tmp_path / "gt", a=block(4, 14), b=block(4, 14))
    found = save(tmp_path / "out", b=block(4, 14))
    save(found, 7.5, a=block(4, 14))
    summary = evaluate_folders(truth, found)
    assert "7.5 mm" in summary.failed["a"]
    assert "not on one grid" in summary.failed["a"]
    assert [one.study for one in summary.scores] == ["b"]


def test_lesions_are_counted(tmp_path: Path):
    truth, found = block(4, 8), block(4, 5)
    truth[15:18, 15:18, 8:10] = found[0, 0, 0] = found[19, 21, 11] = 1
    pair = save(tmp_path / "gt", a=truth), save(tmp_path / "out", a=found)
    summary = evaluate_folders(*pair)
    (counts,) = summary.scores[0].lesions
    assert (counts.reference, counts.found, counts.prediction, counts.right) == (2, 1, 3, 1)
    assert summary.means["LesionSensitivity"].mean == 1 / 2
    assert summary.means["LesionPrecision"].mean == pytest.approx(1 / 3)
    strict = evaluate_folders(*pair, scoring=Scoring(lesion_overlap=0.5))
    assert strict.means["LesionSensitivity"].mean == 0


def test_the_summary_follows_nnunet(folders):
    values = summary_values(evaluate_folders(*folders))
    assert set(values["foreground_mean"]) >= NNUNET_KEYS
    assert set(values["mean"]["1"]) >= NNUNET_KEYS
    (case,) = values["metric_per_case"]
    assert {"reference_file", "prediction_file", "metrics"} <= set(case)
    assert set(case["metrics"]["1"]) >= NNUNET_KEYS
    assert case["metrics"]["1"]["volume_ref_ml"] == pytest.approx(400 * 1.125 / 1000)
    assert case["metrics"]["1"]["lesions"]["found"] == 1
    assert values["units"]["HD95"] == "mm"
    assert case["spacing_mm"] == dict(zip("xyz", SPACING, strict=True))


def test_the_table_has_units_and_the_csv_volumes(folders, tmp_path: Path):
    summary = evaluate_folders(*folders)
    assert any(line.startswith("HD95") and line.endswith(" mm") for line in summary_table(summary))
    write_csv(tmp_path / "s.csv", summary)
    first, _ = csv.DictReader((tmp_path / "s.csv").read_text(encoding="utf-8").splitlines())
    assert float(first["volume_difference_percent"]) == pytest.approx(-36)


def test_members_are_compared_with_raters(folders):
    raw, out = folders
    save(out / "members/member_0", a=block(4, 14))
    save(out / "members/member_1", a=block(6, 14))
    save(raw / "raters/r1", a=block(4, 14))
    save(raw / "raters/r2", a=block(6, 14))
    (score,) = evaluate_folders(*folders).scores
    assert score.agreement is not None
    assert score.agreement.hm_iou == 1
    assert (score.agreement.members, score.agreement.raters) == (2, 2)


def test_probabilities_of_volumes_give_the_calibration(folders):
    raw, out = folders
    save(out / "probabilities", a=np.full((20, 22, 12), 0.25, dtype=np.float32))
    calibration = evaluate_folders(raw, out).calibration
    assert calibration is not None
    assert calibration.everywhere.ece == pytest.approx(0.25 - 400 / (20 * 22 * 12))


def test_another_shape_is_refused(tmp_path: Path):
    truth = save(tmp_path / "gt", a=block(4, 14))
    found = save(tmp_path / "out", a=block(4, 14, shape=(20, 22, 11)))
    with pytest.raises(DataError, match="not on one grid"):
        evaluate_folders(truth, found)


def test_the_reference_may_be_a_data_set_in_any_layout(folders):
    raw, out = folders
    save(raw / "scans", a=block(0, 20))
    rows = "study,image,label\na,scans/a.nii.gz,labelsTs/a.nii.gz\n"
    (raw / "studies.csv").write_text(rows, encoding="utf-8")
    summary = evaluate_folders(raw / "studies.csv", out)
    assert summary.is_complete
    assert summary.means["HD95"].mean == pytest.approx(1.5)


def test_images_beside_their_outlines_are_not_taken_for_masks(tmp_path: Path):
    dataset = open_data(built(ddti))
    for study in dataset.annotated_ids():
        sample = dataset.load(study)
        assert dataset.label_map is not None
        write_labels(tmp_path / f"{study}.png", sample.labels, dataset.label_map, None)
    summary = evaluate_folders(built(ddti), tmp_path)
    assert summary.is_complete
    assert summary.means["Dice"].mean == 1


def test_a_dicom_tree_with_its_segmentation_is_a_reference(shared_data: Path, tmp_path: Path):
    tree = shared_data / "dicom" / "ct_liver_seg"
    dataset = open_data(tree)
    (study,) = dataset.annotated_ids()
    sample = dataset.load(study)
    write_labels(tmp_path / f"{study}.nii.gz", sample.labels, dataset.label_map, sample.path)
    summary = evaluate_folders(tree, tmp_path)
    assert (summary.means["Dice"].mean, summary.means["HD95"].mean) == (1, 0)


def test_volumes_of_leaning_grids_are_exact_and_the_lean_is_told(tmp_path: Path):
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    affine[1, 2] = 2.0  # slices 2 mm apart, each 2 mm further to the front
    for folder, mask in (("gt", block(4, 14)), ("out", block(4, 9))):
        (tmp_path / folder).mkdir()
        nibabel.save(nibabel.Nifti1Image(mask, affine), tmp_path / folder / "a.nii.gz")
    summary = evaluate_folders(tmp_path / "gt", tmp_path / "out")
    missing = 4 * (100 - 25)
    assert summary.scores[0].values["volume_difference_ml"] == (pytest.approx(-missing * 2 / 1000),)
    assert any("not at right angles" in finding for finding in summary.findings)


def test_a_broken_probability_map_makes_its_study_a_failure_and_nothing_else(tmp_path: Path):
    truth = save(tmp_path / "gt", a=block(4, 14), b=block(4, 14))
    found = save(tmp_path / "out", a=block(4, 14), b=block(4, 14))
    (found / "probabilities").mkdir()
    (found / "probabilities" / "a.nii.gz").write_bytes(b"no volume")
    summary = evaluate_folders(truth, found)
    assert [one.study for one in summary.scores] == ["b"]
    assert list(summary.failed) == ["a"]
