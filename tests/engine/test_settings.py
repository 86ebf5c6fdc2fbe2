"""Settings: overrides, recipes, refusals in one sentence."""

from __future__ import annotations

import pytest

from medsegdiff.engine.config import PredictConfig, RunConfig
from medsegdiff.engine.settings import (
    RECIPES,
    differences,
    read_run_config,
    with_predict,
)
from medsegdiff.errors import ConfigError


def test_nothing_given_is_the_default():
    assert read_run_config() == RunConfig()


def test_an_override_is_a_dotted_path():
    config = read_run_config(None, ["train.batch_size=3", "model.network=unet", "train.patience=~"])
    assert (config.train.batch_size, config.model.network.name) == (3, "unet")
    assert config.train.patience is None


def test_an_override_reaches_into_the_default_part():
    config = read_run_config(None, ["predict.sampler.steps=7", "model.network.fusion=paper"])
    assert config.predict.sampler.model_dump() == {
        "name": "ddim",
        "steps": 7,
        "start": 1.0,
        "eta": 0.0,
    }
    assert config.model.network.model_dump()["fusion"] == "paper"


def test_an_override_reaches_into_a_part_named_before():
    config = read_run_config(None, ["model.network=unet", "model.network.blocks=[0, 1, 1, 1, 1]"])
    assert config.model.network.model_dump()["blocks"] == (0, 1, 1, 1, 1)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("train.batchsize=8", "there is no setting train.batchsize .did you mean train.batch_size"),
        ("modle.network=unet", "no setting modle .did you mean model"),
        ("model.network.wdiths=[8]", "did you mean model.network.widths"),
        ("predict.sampler={name: ddpm, eta: 1}", "predict.sampler.eta .only another predict.sam"),
        ("other=1", "no setting other .the top has model, predict, train"),
        ("learning_rate=1e-4", "no setting learning_rate .did you mean train.learning_rate.."),
        ("nbp_filter=false", "no setting nbp_filter .did you mean model.network.nbp_filter.."),
        ("seed=1", "no setting seed .did you mean predict.seed or train.seed.."),
        ("train.batch_size=0", "train.batch_size: .* greater than or equal to 1"),
        ("train.batch_size=many", "train.batch_size: .* valid integer"),
        ("train.batch_size", "Write it as path=value"),
        ("train.augmentation=[", "Write it as path=value"),
        ("train.batch_size.x=1", "batch_size.x"),
        ("predict.sampler=dpm", "no sampler named 'dpm'. Choose one of: ddim, ddpm"),
        ("model.network.widths=[8]", "at least 2 items"),
    ],
)
def test_a_wrong_setting_is_named(override, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        read_run_config(None, ["train.batch_size=8", override])
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("recipe", sorted(path.stem for path in RECIPES.glob("*.yaml")))
def test_bundled_recipes_can_be_read(recipe):
    config = read_run_config(recipe, ["train.max_steps=3"])
    assert config.model.network.name == {"raters": "medsegdiff"}.get(recipe, recipe)
    assert config.train.max_steps == 3


def test_the_recipe_of_v1_has_the_numbers_of_its_paper():
    config = read_run_config("medsegdiff_v1", [])
    model, train, predict = config.model, config.train, config.predict
    assert (model.objective.name, model.process.schedule.name) == ("eps", "linear")
    assert model.network.fusion == "paper"
    assert (train.learning_rate, train.noise.recycling) == (1e-4, 0)
    assert (predict.sampler.steps, predict.members, predict.ensemble.name) == (100, 25, "staple")


def test_the_recipe_of_v2_has_the_numbers_of_its_paper():
    config = read_run_config("medsegdiff_v2", [])
    model, train, predict = config.model, config.train, config.predict
    assert (model.objective.name, model.process.schedule.name) == ("eps", "linear")
    assert model.network.ss_blocks == 4
    assert (train.head.every, train.head.cross_entropy, train.learning_rate) == (5, 10, 1e-4)
    assert (predict.sampler.name, predict.sampler.steps) == ("ddpm", 100)
    assert (predict.members, predict.ensemble.name) == (10, "staple")


def test_a_recipe_may_be_a_file(tmp_path):
    recipe = tmp_path / "mine.yaml"
    recipe.write_text("model: {network: unet}\ntrain: {seed: 4}\n", encoding="utf-8")
    assert read_run_config(str(recipe), ["train.seed=5"]).train.seed == 5


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"train: [", "is not YAML"),
        (b"\xff\xfe\xff", "is not YAML"),
        (b"- train", "holds no settings"),
        (b"training: {}", "there is no setting training .did you mean train"),
    ],
)
def test_a_recipe_that_cannot_be_read_is_refused(tmp_path, text, sentence):
    (tmp_path / "mine.yaml").write_bytes(text)
    with pytest.raises(ConfigError, match=sentence):
        read_run_config(str(tmp_path / "mine.yaml"))


def test_an_unknown_recipe_names_those_there_are():
    with pytest.raises(ConfigError, match="medsegdiff_v1, medsegdiff_v2, raters, unet"):
        read_run_config("unett")


def test_predict_settings_change_one_by_one():
    config = with_predict(PredictConfig(), members=3, steps=9, seed=None, ensemble="staple")
    assert (config.members, config.sampler.steps, config.seed) == (3, 9, 0)
    assert config.ensemble.name == "staple"


def test_another_sampler_keeps_the_number_of_steps():
    before = with_predict(PredictConfig(), steps=9)
    after = with_predict(before, sampler="ddpm").sampler
    assert (after.model_dump()["name"], after.steps) == ("ddpm", 9)


@pytest.mark.parametrize("change", [{"members": -1}, {"flag": 1}, {"sampler": "x"}, {"steps": 0}])
def test_predict_settings_are_checked(change):
    with pytest.raises(ConfigError, match="cannot be used"):
        with_predict(PredictConfig(), **change)


def test_what_differs_from_earlier_settings_is_listed():
    before = read_run_config(None, ["train.seed=1"]).model_dump(mode="json")
    assert differences(read_run_config(None, ["train.noise.recycling=0"]), before) == [
        "train.noise.recycling: 0.5 -> 0.0",
        "train.seed: 1 -> 0",
    ]


def test_steps_go_into_a_sampler_that_is_given_and_leave_it_alone():
    given = {"name": "ddim", "eta": 0.5}
    sampler = with_predict(PredictConfig(), sampler=given, steps=4).sampler
    assert sampler.model_dump() == {**sampler.model_dump(), "eta": 0.5, "steps": 4}
    assert given == {"name": "ddim", "eta": 0.5}
    with pytest.raises(ConfigError, match="sampler"):
        with_predict(PredictConfig(), sampler=5, steps=4)
