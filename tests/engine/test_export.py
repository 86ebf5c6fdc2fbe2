"""MODEL folders and what is said of a model."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from medsegdiff.engine.export import export_model
from medsegdiff.engine.model_info import bundled_summaries, described
from medsegdiff.engine.model_location import bundled_models, pointer
from medsegdiff.engine.weights import TrainedModel


def test_a_model_folder_has_all_its_files(model: TrainedModel, tmp_path: Path):
    export_model(model, tmp_path)
    others = {"config.json", "metrics.json", "calibration.json", "README.md"}
    assert_sums(tmp_path, {"model.safetensors", *others})


def assert_sums(folder: Path, names: set[str]) -> None:
    """SHA256SUMS is of these files, as they are."""
    sums = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    assert {line.split()[1] for line in sums} == names
    for line in sums:
        digest, name = line.split()
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_bundled_models_are_as_their_sums_say():
    for folder in bundled_models().values():
        assert_sums(
            folder, {one.name for one in folder.iterdir() if one.is_file()} - {"SHA256SUMS"}
        )


def test_the_card_states_what_is_known(model: TrainedModel, tmp_path: Path):
    export_model(model, tmp_path / "mine")
    card = (tmp_path / "mine" / "README.md").read_text(encoding="utf-8")
    dice = json.loads((tmp_path / "mine" / "metrics.json").read_text(encoding="utf-8"))["dice"]
    assert f"{dice:.4f}" in card
    assert "Segments lesion on red/green/blue images" in card
    assert "Not a medical device" in card


def test_an_own_card_is_kept(model: TrainedModel, tmp_path: Path):
    export_model(model, tmp_path / "a")
    (tmp_path / "a" / "README.md").write_text("mine", encoding="utf-8")
    export_model(TrainedModel.load(tmp_path / "a", "cpu"), tmp_path / "b")
    assert (tmp_path / "b" / "README.md").read_text(encoding="utf-8") == "mine"


def test_a_model_describes_itself(model: TrainedModel):
    facts = described(model)
    assert facts["classes"] == {"background": 0, "lesion": 255}
    assert facts["network"] == "medsegdiff"
    assert 0 <= facts["validation_dice"] <= 1
    assert facts["sampler"] == "ddim, 2 steps"


def test_bundled_models_are_listed():
    listed = {one["model"]: one for one in bundled_summaries()}
    assert listed["skin-lesion"]["classes"] == ["lesion"]
    assert [listed[one]["images"] for one in ("skin-lesion", "hippocampus")] == [
        "pictures",
        "volumes",
    ]
    assert listed["hippocampus"]["classes"] == ["anterior_hippocampus", "posterior_hippocampus"]
    assert all(one["megabytes"] <= 12 for one in listed.values())


def test_the_dice_of_a_run_in_progress_is_that_of_its_best_checkpoint(finished_run, tmp_path):
    run = Path(shutil.copytree(finished_run, tmp_path / "run"))
    for finished in ("final", "validation"):
        shutil.rmtree(run / "fold_0" / finished)
    best = run / "fold_0" / str(pointer(run / "fold_0", "best"))
    state = json.loads((best / "state.json").read_text(encoding="utf-8"))
    found = described(TrainedModel.load(run, "cpu"))["validation_dice"]
    assert found == state["best_dice"] > 0
