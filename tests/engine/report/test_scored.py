"""The report of an evaluation: its numbers are those of the files, and the worst come first."""

from __future__ import annotations

import json
import re
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medsegdiff.engine.evaluate import evaluate_folders
from medsegdiff.engine.evaluation_files import write_summary
from medsegdiff.engine.report import Given
from medsegdiff.engine.report.out_files import OutFiles


def at(content: object, pointer: str) -> object:
    """The value at a JSON pointer; None where nothing is."""
    for step in pointer.strip("/").split("/"):
        key = step.replace("~1", "/").replace("~0", "~")
        if content is None:
            return None
        content = content[int(key)] if isinstance(content, list) else content.get(key)
    return content


def is_rounded(text: str, value: float) -> bool:
    """Whether what is read is the value, to the digits that are shown."""
    plain = text.replace("\N{NARROW NO-BREAK SPACE}", "").replace("\N{MINUS SIGN}", "-")
    (number,) = re.findall(r"^-?\d+\.?\d*", plain)
    digits = len(number.partition(".")[2])
    return abs(float(number) - value) <= 0.5000001 * 10**-digits


def volumes(folder: Path, shift: int) -> Path:
    """Two volumes with two structures, nnU-Net's names."""
    folder.mkdir(parents=True)
    for number in range(2):
        mask = np.zeros((16, 18, 10), dtype=np.uint8)
        mask[3 + shift : 9 + shift, 4:9, 2 + number : 6] = 1
        mask[10:14, 10:14, 3:5] = 2
        nibabel.save(nibabel.Nifti1Image(mask, np.diag([1, 1, 2, 1])), folder / f"v{number}.nii.gz")
    return folder


def test_every_number_is_the_one_in_the_file(evaluated: Path, shown):
    files = {}
    for value, source, text in shown(evaluated).numbers:
        if source is None:
            continue
        name, pointer = source.split("#")
        files.setdefault(name, json.loads((evaluated / name).read_text(encoding="utf-8")))
        found = at(files[name], pointer)
        assert (float(value) if value else None) == found, source
        assert (text == "unknown") if found is None else is_rounded(text, found), source
    assert {"summary.json", "run_report.json"} == set(files)


def test_classes_without_names_are_called_as_the_model_calls_them(evaluated: Path, changed):
    labels = json.loads((evaluated / "run_report.json").read_text(encoding="utf-8"))["labels"]
    named = {**labels, "names": ["background", "lesion"]}
    files = OutFiles.read(changed(evaluated, "run_report.json", labels=named))
    assert files.called(["background", "foreground"]) == ("background", "lesion")
    assert files.called(["background", "nevus"]) == ("background", "nevus")


@pytest.mark.parametrize("end", ["mean", "low", "high", "n"])
def test_every_mean_is_shown_with_its_interval(evaluated: Path, shown, end: str):
    summary = json.loads((evaluated / "summary.json").read_text(encoding="utf-8"))
    sources = {source for _, source, _ in shown(evaluated).numbers}
    for metric in summary["intervals_95"]["foreground_mean"]:
        assert f"summary.json#/intervals_95/foreground_mean/{metric}/{end}" in sources


def test_a_single_study_has_no_interval(tmp_path: Path, shown):
    truth, out = volumes(tmp_path / "truth", 0), volumes(tmp_path / "out", 2)
    (truth / "v1.nii.gz").unlink()
    write_summary(out / "summary.json", evaluate_folders(truth, out))
    text = shown(out, Given(truth=truth)).text
    assert "(n = 1), over 1 study." in text
    assert "unknown to" not in text
    assert "band: its" not in text
    assert "95 % interval in brackets" not in text


def test_every_study_is_there_and_the_worst_is_first(evaluated: Path, shown):
    summary = json.loads((evaluated / "summary.json").read_text(encoding="utf-8"))
    dice = {one["study"]: one["metrics"]["1"]["Dice"] for one in summary["metric_per_case"]}
    found = shown(evaluated)
    assert sorted(found.studies) == sorted(dice)
    assert [dice[study] for study in found.studies] == sorted(dice.values())


def test_pictures_show_image_truth_prediction_and_uncertainty(evaluated: Path, shown):
    found = shown(evaluated)
    pictures = [given for tag, given in found.tags if tag == "img"]
    assert len(pictures) == 12
    assert pictures[0]["alt"] == f"{found.studies[0]}: image, truth, prediction, uncertainty"
    assert all(given["src"].startswith("data:image/jpeg;base64,") for given in pictures)


def test_the_plots_that_belong_to_it_are_drawn(evaluated: Path, shown):
    text = shown(evaluated).text
    for title in ("Dice of lesion", "Reliability, all voxels", "Quality against true Dice"):
        assert title in text
    assert "Spearman's rho" in text
    assert "Risk against coverage" in text


def test_failures_and_missing_predictions_are_listed(evaluated: Path, changed, shown):
    failed = {"s1": "The mask /home/anna/s1.png cannot be read."}
    text = shown(changed(evaluated, "summary.json", failed=failed, missing_predictions=["s2"])).text
    assert "Could not be compared s1: The mask s1.png cannot be read." in text
    assert "Without a prediction, and in no mean s2" in text


def test_masks_that_were_drawn_anew_are_noticed(evaluated: Path, changed, shown):
    assert "older than the masks" not in shown(evaluated).text
    assert "older than the masks" in shown(changed(evaluated, "run_report.json", seconds=1)).text


def test_no_folder_is_named(evaluated: Path, skin_data: Path, shown):
    html = shown(evaluated).html
    assert str(evaluated.parent) not in html
    assert str(skin_data) not in html


def test_another_image_of_the_same_name_is_not_shown(evaluated, changed, tmp_path, shown):
    studies = json.loads((evaluated / "run_report.json").read_text(encoding="utf-8"))["studies"]
    study = next(iter(studies))
    studies[study]["input_hash"] = "0" * 32
    found = shown(changed(evaluated, "run_report.json", studies=studies))
    assert f"{study}: The image of {study} is not the one" in found.text
    assert len([tag for tag, _ in found.tags if tag == "img"]) == 11


def test_volumes_with_several_structures_of_another_program(tmp_path: Path, shown):
    truth, out = volumes(tmp_path / "truth", 0), volumes(tmp_path / "out", 2)
    write_summary(out / "summary.json", evaluate_folders(truth, out))
    found = shown(out, Given(truth=truth))
    assert "axial slice" in found.text
    assert "class_1" in found.text
    assert found.studies == ["v0", "v1"]
    assert "name them with -i IMAGES" in found.text
