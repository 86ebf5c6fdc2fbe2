"""Comparing folders of masks: pairing, values, means, and what is missing."""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from medsegdiff.data import write_map
from medsegdiff.engine.convert import convert
from medsegdiff.engine.evaluate import EMPTY_MASK_RULE, evaluate_folders
from medsegdiff.engine.evaluation_files import summary_table, write_csv, write_summary
from medsegdiff.engine.opening import open_data
from medsegdiff.errors import DataError


def square(low: int, high: int, value: int = 255, shape: tuple[int, int] = (24, 32)) -> np.ndarray:
    mask = np.zeros(shape, dtype=np.uint8)
    mask[low:high, low:high] = value
    return mask


def save(folder: Path, **masks: np.ndarray) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, mask in masks.items():
        Image.fromarray(mask).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Study a is right, b covers a quarter too much, c is empty in both, d has no prediction."""
    truth = {"a": square(4, 14), "b": square(4, 12), "c": square(0, 0), "d": square(4, 8)}
    found = {"a": square(4, 14), "b": square(4, 14), "c": square(0, 0), "e": square(4, 8)}
    return save(tmp_path / "gt", **truth), save(tmp_path / "out", **found)


def test_each_study_and_the_mean(folders: tuple[Path, Path]):
    summary = evaluate_folders(*folders)
    dice = {one.study: one.mean("Dice") for one in summary.scores}
    assert dice == pytest.approx({"a": 1, "b": 2 * 64 / 164, "c": 1})
    assert summary.means["Dice"].mean == pytest.approx(sum(dice.values()) / 3)
    assert summary.means["Dice"].low <= summary.means["Dice"].mean <= summary.means["Dice"].high
    assert summary.scores[1].counts == ((64, 36, 0, 24 * 32 - 100),)


def test_missing_predictions_are_named(folders: tuple[Path, Path]):
    summary = evaluate_folders(*folders)
    assert summary.missing == ("d",)
    assert summary.unmatched == ("e",)
    assert not summary.is_complete


def test_the_order_is_overlap_then_distance(folders: tuple[Path, Path]):
    names = list(evaluate_folders(*folders).means)
    assert names[0] == "Dice"
    assert names[-1] == "HD95"
    assert {"IoU", "Sensitivity", "Precision"} < set(names)


def test_one_empty_mask_leaves_the_distance_unknown(tmp_path: Path):
    truth = save(tmp_path / "gt", a=square(4, 8), b=square(4, 8))
    found = save(tmp_path / "out", a=square(0, 0), b=square(4, 8))
    summary = evaluate_folders(truth, found)
    assert math.isnan(summary.scores[0].mean("HD95"))
    assert (summary.means["HD95"].mean, summary.means["HD95"].count) == (0, 1)
    assert summary.means["Dice"].mean == 0.5


def test_a_mask_of_another_size_is_named_and_the_others_count(tmp_path: Path):
    truth = save(tmp_path / "gt", a=square(4, 8), b=square(4, 8))
    found = save(tmp_path / "out", a=square(4, 8, shape=(20, 20)), b=square(4, 8))
    summary = evaluate_folders(truth, found)
    assert "resize neither" in summary.failed["a"]
    assert [one.study for one in summary.scores] == ["b"]


def test_values_of_zero_and_one_are_understood(tmp_path: Path):
    truth = save(tmp_path / "gt", a=square(4, 14), b=square(4, 12))
    found = save(tmp_path / "out", a=square(4, 14, 1), b=square(4, 12, 1))
    summary = evaluate_folders(truth, found)
    assert summary.means["Dice"].mean == 1
    assert "(0, 1)" in summary.findings[-1]


def test_several_classes(tmp_path: Path):
    truth, found = square(4, 14, 1), square(4, 14, 1)
    truth[4:8, 4:8] = 2
    found[4:8, 4:6] = 2
    summary = evaluate_folders(save(tmp_path / "gt", a=truth), save(tmp_path / "out", a=found))
    first, second = (one.mean for one in summary.class_means["Dice"])
    assert second == pytest.approx(2 * 8 / 24)
    assert first == pytest.approx(2 * 84 / (84 + 92))
    assert summary.means["Dice"].mean == pytest.approx((first + second) / 2)


def test_names_may_end_in_mask_or_segmentation(tmp_path: Path):
    truth = save(tmp_path / "gt", a_Segmentation=square(4, 8))
    found = save(tmp_path / "out", a=square(4, 8))
    assert [one.study for one in evaluate_folders(truth, found).scores] == ["a"]


def test_a_split_of_a_data_set(skin_data: Path):
    summary = evaluate_folders(skin_data, skin_data / "masks", split="test")
    assert len(summary.scores) == 2
    assert summary.is_complete
    assert summary.label_map.names == ("background", "lesion")


@pytest.fixture
def a_mask_is_missing(skin_data: Path, tmp_path: Path) -> tuple[Path, str, str]:
    """A data set, and its test studies, of which the second has no true mask."""
    data = Path(shutil.copytree(skin_data, tmp_path / "data"))
    known, unknown = json.loads((data / "splits.json").read_text())["test"]
    (data / "masks" / f"{unknown}.png").unlink()
    return data, known, unknown


@pytest.mark.parametrize("is_predicted", [True, False])
def test_a_study_of_the_split_without_a_true_mask_is_named(
    a_mask_is_missing: tuple[Path, str, str], is_predicted: bool, skin_data: Path, tmp_path: Path
):
    data, known, unknown = a_mask_is_missing
    out = Path(shutil.copytree(skin_data / "masks", tmp_path / "out"))
    if not is_predicted:
        (out / f"{unknown}.png").unlink()
    summary = evaluate_folders(data, out, split="test")
    assert [one.study for one in summary.scores] == [known]
    assert summary.unmatched == ((unknown,) if is_predicted else ())
    assert summary.without_truth == (unknown,)
    assert not summary.is_complete
    whole = evaluate_folders(data, out)
    assert whole.is_complete
    assert whole.unmatched == summary.unmatched


def test_a_split_has_its_masks_in_any_folder_of_an_nnunet_set(skin_data: Path, tmp_path: Path):
    convert(open_data(skin_data), tmp_path / "raw", "nnunet")
    summary = evaluate_folders(tmp_path / "raw", skin_data / "masks", split="test")
    tested = json.loads((skin_data / "splits.json").read_text(encoding="utf-8"))["test"]
    assert [score.study for score in summary.scores] == sorted(tested)


def test_a_split_without_any_true_mask_is_refused(
    a_mask_is_missing: tuple[Path, str, str], skin_data: Path
):
    data, known, unknown = a_mask_is_missing
    (data / "masks" / f"{known}.png").unlink()
    with pytest.raises(DataError, match=rf"split 'test' \(2 \({known}, {unknown}\)\)"):
        evaluate_folders(data, skin_data / "masks", split="test")


@pytest.mark.parametrize(
    ("truth", "found", "reason"),
    [
        ({"a": square(2, 4)}, {"b": square(2, 4)}, "has the name of one"),
        ({"a": square(2, 4)}, {}, "no predicted mask"),
        ({"a": square(2, 4)}, {"a": square(2, 4, shape=(9, 9))}, "No study could be compared"),
    ],
)
def test_nothing_to_compare_is_refused(truth, found, reason, tmp_path: Path):
    with pytest.raises(DataError, match=reason):
        evaluate_folders(save(tmp_path / "gt", **truth), save(tmp_path / "out", **found))


def test_a_single_image_is_no_data_set_to_compare_with(skin_data: Path):
    image = next((skin_data / "images").iterdir())
    with pytest.raises(DataError, match=r"no true mask in .* Give a folder of masks"):
        evaluate_folders(image, skin_data / "masks")


def test_probabilities_give_the_calibration(folders: tuple[Path, Path]):
    truth, out = folders
    for study in "abc":
        write_map(out / "probabilities" / f"{study}.png", torch.full((24, 32), 0.25))
    summary = evaluate_folders(truth, out)
    assert summary.calibration is not None
    share = (100 + 64) / (3 * 24 * 32)
    assert summary.calibration.everywhere.ece == pytest.approx(0.25 - share, abs=1e-4)


def test_class_probabilities_give_the_calibration(tmp_path: Path):
    mask = square(4, 14, 1)
    mask[0, 0] = 2
    truth, out = save(tmp_path / "gt", a=mask), save(tmp_path / "out", a=mask)
    for index in range(3):
        right = torch.from_numpy(mask == index).float()
        write_map(out / "probabilities" / f"class_{index}" / "a.png", right)
    calibration = evaluate_folders(truth, out).calibration
    assert calibration is not None
    assert calibration.everywhere.ece == 0


def test_the_summary_file_follows_nnunet_and_states_the_rule(
    folders: tuple[Path, Path], tmp_path: Path
):
    summary = evaluate_folders(*folders)
    write_summary(tmp_path / "summary.json", summary)
    found = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert found["foreground_mean"]["Dice"] == summary.means["Dice"].mean
    assert found["mean"]["1"]["TP"] == pytest.approx((100 + 64) / 3)
    first = found["metric_per_case"][0]
    assert first["metrics"]["1"]["n_pred"] == 100
    assert first["prediction_file"].endswith("a.png")
    assert found["missing_predictions"] == ["d"]
    assert found["empty_mask_rule"] == EMPTY_MASK_RULE


def test_unknown_is_null_in_json_and_empty_in_the_table(tmp_path: Path):
    truth = save(tmp_path / "gt", a=square(4, 8))
    summary = evaluate_folders(truth, save(tmp_path / "out", a=square(0, 0)))
    write_summary(tmp_path / "s.json", summary)
    write_csv(tmp_path / "s.csv", summary)
    found = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert found["foreground_mean"]["HD95"] is None
    (row,) = csv.DictReader((tmp_path / "s.csv").read_text(encoding="utf-8").splitlines())
    assert (row["study"], row["Dice"], row["HD95"], row["FN"]) == ("a", "0", "", "16")
    assert any("unknown" in line for line in summary_table(summary))


def test_a_single_study_has_no_interval(tmp_path: Path):
    truth, found = save(tmp_path / "gt", a=square(4, 8)), save(tmp_path / "out", a=square(4, 7))
    summary = evaluate_folders(truth, found)
    assert f"Dice {summary.means['Dice'].mean:.4f} (n = 1)" in " ".join(
        " ".join(summary_table(summary)).split()
    )
    assert "interval" not in " ".join(summary_table(summary))
    write_summary(tmp_path / "s.json", summary)
    content = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    dice = content["intervals_95"]["foreground_mean"]["Dice"]
    assert (dice["low"], dice["high"], dice["n"]) == (None, None, 1)


def test_a_class_that_only_predictions_hold_is_known(tmp_path: Path):
    truth, found = square(2, 20, 1), square(2, 20, 1)
    truth[4:10, 4:10] = found[4:10, 4:10] = 2
    found[12:18, 12:18] = 3
    summary = evaluate_folders(save(tmp_path / "gt", a=truth), save(tmp_path / "out", a=found))
    assert summary.label_map.values == (0, 1, 2, 3)
    assert [one.mean for one in summary.class_means["Dice"]][1:] == [1, 0]


def test_two_predictions_of_one_study_are_refused(tmp_path: Path):
    truth = save(tmp_path / "gt", a=square(4, 14))
    found = save(tmp_path / "out", a=square(4, 14), a_mask=square(4, 14))
    with pytest.raises(DataError, match="would both be study 'a'"):
        evaluate_folders(truth, found)


def test_names_are_the_same_however_their_letters_are_stored(tmp_path: Path):
    truth = save(tmp_path / "gt", **{"l\u00e4sion": square(4, 14)})
    found = save(tmp_path / "out", **{"la\u0308sion": square(4, 14)})
    assert evaluate_folders(truth, found).is_complete
