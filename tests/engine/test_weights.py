"""Weights files: their header is the truth, and whatever does not fit is refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from medsegdiff.engine.model_location import bundled_models, weights_files
from medsegdiff.engine.predict import predict
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.engine.weights_file import write_weights
from medsegdiff.errors import CheckpointError


@pytest.fixture(scope="module")
def exported(model: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    model.save(folder, "# A card\n", {"dice": 0.9})
    return folder


@pytest.fixture
def changed(exported: Path, tmp_path: Path) -> Callable[..., Path]:
    """Write the weights file anew with tensors or header changed by a function."""

    def write(change: Callable[[dict, dict], object]) -> Path:
        with safe_open(exported / "model.safetensors", "pt") as file:
            header = dict(file.metadata())
        tensors = load_file(exported / "model.safetensors")
        change(tensors, header)
        save_file(tensors, tmp_path / "model.safetensors", header)
        return tmp_path / "model.safetensors"

    return write


def refusal(file: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        TrainedModel.load(file, "cpu")
    message = str(caught.value)
    assert str(file) in message
    assert "\n" not in message
    assert caught.value.exit_code == 4
    return message


def test_a_model_returns_from_its_folder(model, exported, lesion):
    loaded = TrainedModel.load(exported, "cpu")
    assert (loaded.config, loaded.predict) == (model.config, model.predict)
    before, after = (predict(lesion, one, model.predict) for one in (model, loaded))
    assert (before.probability - after.probability).abs().max() < 0.01  # float16 on disk
    assert {file.name for file in exported.iterdir()} == {
        *(
            "model.safetensors",
            "config.json",
            "metrics.json",
            "calibration.json",
            "README.md",
            "SHA256SUMS",
        )
    }


def test_file_and_folder_are_the_same_model(exported):
    one, other = (TrainedModel.load(where, "cpu") for where in (exported, f"{exported}/"))
    alone = TrainedModel.load(exported / "model.safetensors", "cpu")
    assert one.weights_hash == other.weights_hash == alone.weights_hash


def test_the_same_weights_are_the_same_file(model: TrainedModel, tmp_path: Path):
    hashes = set()
    for number in range(8):  # the library orders a header of four entries in one of 24 ways
        model.save(tmp_path / str(number), "card", {}, {})
        hashes.add(TrainedModel.load(tmp_path / str(number), "cpu").weights_hash)
    assert len(hashes) == 1


def test_the_header_is_the_truth(exported, tmp_path):
    shutil.copytree(exported, tmp_path, dirs_exist_ok=True)
    (tmp_path / "config.json").write_text('{"model": {"threshold": 0.9}}')
    loaded = TrainedModel.load(tmp_path, "cpu")
    assert loaded.config == TrainedModel.load(exported, "cpu").config


def test_the_readable_copy_says_the_same(exported, model):
    copy = json.loads((exported / "config.json").read_text())
    assert copy["model"] == model.config.model_dump(mode="json")
    assert (copy["format"], copy["format_version"]) == ("medsegdiff", 3)


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.999])
def test_a_file_cut_off_is_refused(exported, tmp_path, share):
    content = (exported / "model.safetensors").read_bytes()
    file = tmp_path / "cut.safetensors"
    file.write_bytes(content[: int(share * len(content))])
    assert "copy it again" in refusal(file)


def test_an_unknown_tensor_is_refused(changed):
    file = changed(lambda tensors, header: tensors.update(extra=torch.zeros(2)))
    assert "extra is unknown" in refusal(file)


def test_a_missing_tensor_is_refused(changed):
    assert "is missing" in refusal(changed(lambda tensors, header: tensors.popitem()))


def test_many_faults_are_counted(changed):
    assert re.search(
        r"; .* and \d+ more\)", refusal(changed(lambda tensors, header: tensors.clear()))
    )


def test_another_shape_is_refused(changed):
    def longer(tensors: dict, header: dict) -> None:
        name = next(iter(tensors))
        tensors[name] = torch.cat([tensors[name], tensors[name]])

    assert "has shape (" in refusal(changed(longer))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(changed, value):
    file = changed(lambda tensors, header: next(iter(tensors.values())).view(-1)[0].fill_(value))
    assert "finite" in refusal(file)


def test_integers_are_no_weights(changed):
    def rounded(tensors: dict, header: dict) -> None:
        tensors.update({name: value.to(torch.int8) for name, value in tensors.items()})

    assert "finite" in refusal(changed(rounded))


def test_a_foreign_file_is_refused(changed):
    assert "not written by medsegdiff" in refusal(changed(lambda tensors, header: header.clear()))


@pytest.mark.parametrize(("number", "said"), [("4", "format 4"), ("x", "format x"), ("-1", "-1")])
def test_a_newer_format_is_refused(changed, number, said):
    file = changed(lambda tensors, header: header.update(format_version=number))
    assert f"{said}, this program knows up to 3. Upgrade" in refusal(file).replace(
        "format -1", "-1"
    )


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("model", "{}", "preparation: Field required"),
        ("model", "not json", "Invalid JSON"),
        ("predict", '{"members": -3}', "members"),
        ("predict", '{"sampler": "x"}', "no sampler named"),
    ],
)
def test_a_header_that_cannot_be_read_is_refused(changed, key, value, said):
    assert said in refusal(changed(lambda tensors, header: header.update({key: value})))


def test_a_header_without_settings_is_refused(changed):
    assert "'predict' is missing" in refusal(changed(lambda tensors, header: header.pop("predict")))


def test_other_files_are_no_weights(skin_data):
    assert "not a whole safetensors file" in refusal(skin_data / "dataset.json")


def test_where_nothing_is_the_known_models_are_named(tmp_path):
    with pytest.raises(CheckpointError, match="There is no model at") as caught:
        TrainedModel.load(tmp_path / "nothing", "cpu")
    assert all(name in str(caught.value) for name in bundled_models())


@pytest.mark.parametrize("number", [1, 2])
def test_an_old_file_keeps_its_meaning(skin_data, lesion, number):
    folder = skin_data.parent / f"format_{number}"
    model = TrainedModel.load(folder / "model.safetensors", "cpu")
    mask = predict(lesion, model, model.predict).mask.numpy()
    golden = np.asarray(Image.open(folder / "ISIC_0014836.png")) > 0
    assert (mask != golden).mean() < 1e-3


@pytest.fixture
def two_folds(finished_run: Path, tmp_path: Path) -> Path:
    for fold in (0, 1):
        shutil.copytree(finished_run / "fold_0", tmp_path / f"fold_{fold}")
    return tmp_path


def rewritten(run: Path, **changes: object) -> None:
    """Give fold 1 another header and other weights."""
    model = TrainedModel.load(run / "fold_1", "cpu")
    weights = {name: value * 1.01 for name, value in model.networks[0].state_dict().items()}
    config = model.config.model_copy(update=changes)
    write_weights(run / "fold_1" / "final" / "model.safetensors", weights, config, model.predict)


def test_several_folds_give_members_each(two_folds, model, lesion):
    intensity = model.config.preparation.intensity.model_copy(update={"mean": (99.0, 98.0, 97.0)})
    preparation = model.config.preparation.model_copy(update={"intensity": intensity})
    rewritten(two_folds, preparation=preparation, threshold=0.35)
    both, second = (TrainedModel.load(where, "cpu") for where in (two_folds, two_folds / "fold_1"))
    config = model.predict.model_copy(update={"threshold": 0.5})
    members = [predict(lesion, one, config).members for one in (both, model, second)]
    assert both.config.threshold == pytest.approx((model.config.threshold + 0.35) / 2)
    assert members[0].equal(torch.cat(members[1:]))


def test_several_folds_share_the_mean_temperature(two_folds, model):
    rewritten(two_folds, temperature=3.0, familiar=None)
    both = TrainedModel.load(two_folds, "cpu").config
    assert both.temperature == pytest.approx((model.config.temperature + 3.0) / 2, abs=1e-4)
    assert both.familiar == model.config.familiar


def test_folds_of_different_networks_are_refused(two_folds, model):
    process = model.config.process.model_copy(update={"levels": 500})
    rewritten(two_folds, process=process)
    with pytest.raises(CheckpointError, match=r"different settings\. Choose one: -m .*fold_0"):
        TrainedModel.load(two_folds, "cpu")


def test_several_folds_do_not_fit_into_one_file(two_folds, tmp_path):
    with pytest.raises(CheckpointError, match="has 2 folds"):
        TrainedModel.load(two_folds, "cpu").save(tmp_path / "model", "", {})


def test_loading_leaves_the_global_random_state_alone(exported):
    before = torch.get_rng_state()
    TrainedModel.load(exported, "cpu")
    assert torch.get_rng_state().equal(before)


def test_a_checkpoint_offers_its_averaged_weights(finished_run):
    checkpoint = finished_run / "fold_0" / "checkpoint_0000020"
    assert weights_files(checkpoint) == [checkpoint / "ema.safetensors"]


def test_a_run_offers_its_best_weights_before_its_end(finished_run, tmp_path):
    fold = Path(shutil.copytree(finished_run / "fold_0", tmp_path / "fold_0"))
    assert weights_files(tmp_path) == [fold / "final" / "model.safetensors"]
    shutil.rmtree(fold / "final")
    best = (fold / "best").read_text(encoding="utf-8")
    assert weights_files(tmp_path) == [fold / best / "ema.safetensors"]


def test_a_folder_with_other_files_is_not_replaced(model, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(CheckpointError, match=r"other files \(thesis.tex\)"):
        model.save(tmp_path, "# A card\n", {})
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_named_like_a_bundled_model_is_ambiguous(tmp_path, monkeypatch):
    name = next(iter(bundled_models()))
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=rf"\./{name} for the folder"):
        weights_files(name)


def test_a_path_is_never_the_name_of_a_bundled_model(exported, tmp_path, monkeypatch):
    name = next(iter(bundled_models()))
    shutil.copytree(exported, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert weights_files(Path(name)) == weights_files(f"./{name}")
    assert TrainedModel.load(Path(name), "cpu").weights_hash
