"""The report of a training: its validation is that of the file, and it says how far it came."""

from __future__ import annotations

import json
import shutil
from pathlib import Path


def test_the_validation_is_that_of_the_file(finished_run: Path, shown):
    where = "fold_0/validation/summary.json"
    validation = json.loads((finished_run / where).read_text(encoding="utf-8"))
    found = shown(finished_run)
    numbers = {source: value for value, source, _ in found.numbers}
    assert float(numbers[f"{where}#/dice"]) == validation["dice"]
    assert float(numbers[f"{where}#/threshold"]) == validation["threshold"]
    assert sorted(found.studies) == sorted(validation["studies"])


def test_curves_pictures_and_settings_are_there(finished_run: Path, shown):
    found = shown(finished_run)
    for words in ("Training loss", "Validation Dice", "train.batch_size", "medsegdiff train DATA"):
        assert words in found.text
    fingerprint = json.loads((finished_run / "dataset_fingerprint.json").read_text("utf-8"))
    assert fingerprint["sha256"] in found.text
    assert any(given.get("class") == "sheet" for _, given in found.tags)


def test_a_training_that_goes_on_is_reported_too(finished_run: Path, tmp_path: Path, shown):
    run = tmp_path / "run"
    shutil.copytree(finished_run, run)
    shutil.rmtree(run / "fold_0" / "validation")
    shutil.rmtree(run / "fold_0" / "final")
    text = shown(run).text
    assert "Fold 0 not finished." in text
    assert "Best validation Dice so far" in text
