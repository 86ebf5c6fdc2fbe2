"""What stands before the first step, and what the run folder says of it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from medsegdiff.data import Folder
from medsegdiff.engine.config import RunConfig
from medsegdiff.engine.environment import environment
from medsegdiff.engine.run_setup import (
    build_network,
    init_weights,
    set_up,
    settings_hash,
    with_model,
)
from medsegdiff.engine.settings import read_run_config
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import ConfigError, DataError


def test_the_run_folder_describes_itself(finished_run, tiny):
    values = {path.name: json.loads(path.read_text()) for path in finished_run.glob("*.json")}
    assert RunConfig.model_validate(values["config.json"]) == tiny()
    assert values["dataset.json"]["labels"] == {"background": 0, "lesion": 1}
    assert values["dataset.json"]["numTraining"] == 8
    others = {"dataset_fingerprint.json", "environment.json", "plan.json", "splits_final.json"}
    assert {"config.json", "dataset.json", *others} == {*values}


def test_a_prediction_is_no_place_for_a_run(skin, tiny, tmp_path):
    (tmp_path / "run_report.json").write_text("{}")
    with pytest.raises(ConfigError, match="holds a prediction"):
        set_up(skin, tmp_path, tiny(), 0, None, "cpu")


def test_all_folds_are_written_in_the_format_of_nnu_net(finished_run, skin):
    folds = json.loads((finished_run / "splits_final.json").read_text())
    declared = skin.declared_splits()
    assert folds[0] == {"train": [*declared.train], "val": [*declared.val]}
    assert [set(fold) for fold in folds] == [{"train", "val"}] * 5
    named = {study for fold in folds for part in fold.values() for study in part}
    assert named == {*skin.ids()} - {*declared.test}


def test_folds_of_mixed_sizes_share_a_grid(skin, skin_data, tiny, tmp_path):
    data = Path(shutil.copytree(skin_data, tmp_path / "data"))
    for number, study in enumerate(skin.ids()):
        for folder in ("images", "masks"):
            (path,) = (data / folder).glob(f"{study}.*")
            size = (256, 160) if number % 2 else (160, 256)
            Image.open(path).resize(size, Image.Resampling.NEAREST).save(path)
    setups = [set_up(Folder(root=data), tmp_path, tiny(), f, None, "cpu") for f in range(5)]
    assert len({setup.trainer.model.grid_size for setup in setups}) == 1
    assert len({setup.trainer.model.preparation.intensity for setup in setups}) == 5


def test_images_are_squeezed_where_that_is_asked_for(skin, tiny, tmp_path):
    setup = set_up(skin, tmp_path, tiny("train.aspect=squeeze"), 0, None, "cpu")
    assert setup.trainer.model.preparation.grid.aspect == "squeeze"


def test_no_path_user_or_host_is_written(finished_run, skin_data):
    written = "".join(p.read_text() for p in finished_run.rglob("*.json*"))
    secrets = [str(skin_data), str(Path.home()), os.environ.get("HOSTNAME")]
    assert not [secret for secret in secrets if secret and len(secret) > 5 and secret in written]


def test_preparing_writes_nothing(skin, tiny, tmp_path):
    set_up(skin, tmp_path / "run", tiny(), 0, None, "cpu")
    assert not list(tmp_path.iterdir())


def test_only_training_studies_are_measured(skin, skin_data, tiny, tmp_path):
    data = Path(shutil.copytree(skin_data, tmp_path / "data"))
    for study in ("ISIC_0014667", "ISIC_0014836"):  # of validation and test
        shutil.copy(data / "images" / "ISIC_0000460.jpg", data / "images" / f"{study}.jpg")
    one, other = (set_up(d, tmp_path, tiny(), 0, None, "cpu") for d in (skin, Folder(root=data)))
    assert one.trainer.model == other.trainer.model
    assert one.data_hash != other.data_hash


def test_fresh_weights_come_from_the_seed(model):
    before = torch.get_rng_state()
    first, again, other = (build_network(model.config, seed).state_dict() for seed in (0, 0, 1))
    assert all(first[name].equal(again[name]) for name in first)
    assert not all(first[name].equal(other[name]) for name in first)
    assert torch.get_rng_state().equal(before)


@pytest.mark.parametrize(
    ("override", "is_same"),
    [("train.max_minutes=3", True), ("train.cache_gb=1", True), ("train.seed=1", False)],
)
def test_a_budget_is_no_other_training(tiny, model, override, is_same):
    same = settings_hash(tiny(override), model.config) == settings_hash(tiny(), model.config)
    assert same is is_same


def test_starting_weights_and_preparation_are_taken_over(skin, head_data, tiny, tmp_path, model):
    setup = set_up(skin, tmp_path, tiny("train.side=16"), 0, model.name, "cpu")
    assert setup.trainer.model.preparation == model.config.preparation
    weights = model.networks[0].state_dict()
    assert all(v.equal(weights[n]) for n, v in setup.trainer.network.state_dict().items())


def test_what_was_fitted_on_other_studies_is_not_taken_over(skin, tiny, tmp_path, finished_run):
    sealed = set_up(skin, tmp_path, tiny(), 0, str(finished_run), "cpu").trainer.model
    assert (sealed.temperature, sealed.familiar) == (1.0, None)


@pytest.mark.parametrize(("share", "is_same"), [(1e-12, True), (1e-4, False)])
def test_the_last_digits_of_measured_intensities_are_no_other_settings(tiny, model, share, is_same):
    """Sums over the images differ by as much between numbers of threads."""
    preparation = model.config.preparation
    deviation = tuple(one * (1 + share) for one in preparation.intensity.deviation)
    intensity = preparation.intensity.model_copy(update={"deviation": deviation})
    other = model.config.model_copy(
        update={"preparation": preparation.model_copy(update={"intensity": intensity})}
    )
    assert other != model.config
    assert (settings_hash(tiny(), other) == settings_hash(tiny(), model.config)) is is_same


def test_the_name_of_a_folder_changes_nothing(skin_data, tiny, tmp_path):
    """In the authors' program the folder's name chooses the number of channels."""
    configs = []
    for name in ("ISIC", "BRATS"):
        data = shutil.copytree(skin_data, tmp_path / name)
        configs.append(set_up(Folder(root=data), tmp_path, tiny(), 0, None, "cpu").trainer.model)
    assert configs[0] == configs[1]


def test_starting_weights_of_other_channels_are_refused(head_data, tiny, tmp_path, model):
    with pytest.raises(DataError, match="3 image channels, the data set has 1"):
        set_up(Folder(root=head_data), tmp_path, tiny(), 0, model.name, "cpu")


def test_the_environment_names_versions_and_no_person():
    found = environment()
    assert found["packages"]["torch"] == torch.__version__
    assert found["threads"] == torch.get_num_threads()
    assert json.dumps(found)


def test_the_best_weights_are_those_of_the_best_validation(finished_run):
    lines = [
        json.loads(x) for x in (finished_run / "fold_0/metrics.jsonl").read_text().split("\n") if x
    ]
    dice = {line["step"]: line["dice"] for line in lines if "dice" in line}
    best = int((finished_run / "fold_0" / "best").read_text()[-7:])
    assert dice[best] == max(dice.values())
    assert TrainedModel.load(finished_run, "cpu").weights_hash


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ("model.objective=x_0", "objective.name: logits -> x_0"),
        ("model.network=unet", "network.name: medsegdiff -> unet"),
        ("train.side=128", "train.side: 32 -> 128"),
    ],
)
def test_a_model_to_start_from_brings_its_own_settings(
    setting, word, skin, tiny, tmp_path, finished_run
):
    with pytest.raises(ConfigError, match=word):
        set_up(skin, tmp_path, tiny(setting), 0, str(finished_run), "cpu")


def test_a_model_to_start_from_brings_its_squeezing():
    squeezed = init_weights("skin-lesion").config
    config = read_run_config(None, ["train.max_steps=1"])
    assert with_model(config, squeezed, "skin-lesion").train.aspect == "squeeze"
    other = read_run_config(None, ["train.aspect=keep"])
    with pytest.raises(ConfigError, match=r"train\.aspect: squeeze -> keep"):
        with_model(other, squeezed, "skin-lesion")


def test_the_run_is_described_with_what_the_model_brought(skin, tmp_path, finished_run):
    bare = read_run_config(None, ["train.noise.recycling=0.3"])
    setup = set_up(skin, tmp_path, bare, 0, str(finished_run), "cpu")
    assert setup.config.model.network == setup.trainer.model.network != bare.model.network
    assert setup.config.train == bare.train


def test_one_fold_is_started_from(skin, tiny, tmp_path, finished_run):
    for fold in (0, 1):
        shutil.copytree(finished_run / "fold_0", tmp_path / f"fold_{fold}")
    with pytest.raises(ConfigError, match=r"has 2 folds.*fold_0"):
        set_up(skin, tmp_path / "run", tiny(), 0, str(tmp_path), "cpu")


def test_a_bad_validation_study_is_found_before_the_first_step(skin_data, tiny, tmp_path):
    data = Path(shutil.copytree(skin_data, tmp_path / "data"))
    study = Folder(root=data).declared_splits().val[0]
    (data / "images" / f"{study}.jpg").write_bytes(b"not an image")
    with pytest.raises(DataError, match=study):
        set_up(Folder(root=data), tmp_path / "run", tiny(), 0, None, "cpu")
