"""Prediction: the study and its seed decide the mask, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from medsegdiff.data import Folder
from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.predict import predict
from medsegdiff.engine.settings import with_predict
from medsegdiff.engine.train import train
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.ensemble import expected_dice
from medsegdiff.errors import ConfigError, DataError
from medsegdiff.types import BINARY


@pytest.fixture(scope="module")
def config(model: TrainedModel) -> PredictConfig:
    return with_predict(model.predict, members=5)


@pytest.fixture(scope="module")
def answer(model, lesion, config):
    return predict(lesion, model, config)


@pytest.fixture(scope="module")
def unet(skin: Folder, tiny, tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    run = tmp_path_factory.mktemp("unet")
    network = "model.network={name: unet, widths: [8, 8, 16], blocks: [0, 1, 1]}"
    train(skin, run, tiny(network, "train.max_steps=2", "train.validations=1"), device="cpu")
    return TrainedModel.load(run, "cpu")


def test_an_answer_lies_on_the_study_s_own_grid(answer, lesion):
    size = lesion.image.shape[1:]
    assert answer.mask.shape == answer.uncertainty.shape == size
    assert answer.probability.shape == (1, *size)
    assert answer.members.shape == (5, *size)
    assert answer.quality == expected_dice(answer.probability, answer.mask, BINARY)
    assert 0 <= float(answer.probability.min()) <= float(answer.probability.max()) <= 1


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 8])
def test_the_number_of_members_at_once_changes_nothing(answer, model, lesion, config, batch):
    other = predict(lesion, model, config.model_copy(update={"member_batch": batch}))
    assert other.mask.equal(answer.mask)
    assert other.members.equal(answer.members)


def test_more_members_keep_the_first_ones(answer, model, lesion, config):
    assert predict(lesion, model, with_predict(config, members=2)).members.equal(answer.members[:2])


def test_other_studies_and_their_order_change_nothing(answer, model, skin, lesion, config):
    for study in ("ISIC_0000460", lesion.study, "ISIC_0014869", lesion.study):
        again = predict(skin.load(study), model, config)
        if study == lesion.study:
            assert again.probability.equal(answer.probability)
            assert again.uncertainty.equal(answer.uncertainty)


def test_the_file_name_and_the_labels_change_nothing(answer, model, lesion, config):
    renamed = replace(lesion, study="x", path=Path("y.png"), labels=None, group="z")
    assert predict(renamed, model, config).probability.equal(answer.probability)


def test_threads_change_nothing_that_can_be_seen(answer, model, lesion, config):
    torch.set_num_threads(2)
    try:
        other = predict(lesion, model, config)
    finally:
        torch.set_num_threads(1)
    assert other.mask.equal(answer.mask)
    assert (other.probability - answer.probability).abs().max() < 1e-5


def test_another_seed_gives_other_members(answer, model, lesion, config):
    other = predict(lesion, model, with_predict(config, seed=1))
    assert not other.probability.equal(answer.probability)


def test_another_image_gives_other_noise(answer, model, lesion, config):
    other = predict(replace(lesion, image=lesion.image + 1), model, config)
    assert not other.members.equal(answer.members)


def test_the_threshold_kept_with_the_weights_is_used(model, lesion, config, answer):
    sealed = model.config.model_copy(update={"threshold": 0.9})
    strict = predict(lesion, replace(model, config=sealed), config)
    assert strict.mask.equal((answer.probability[0] >= 0.9).long())
    told = with_predict(config, threshold=0.2)
    assert predict(lesion, model, told).mask.equal((answer.probability[0] >= 0.2).long())


def test_a_plain_network_gives_its_head_as_the_only_member(unet, lesion, config):
    answer = predict(lesion, unet, config)
    assert len(answer.members) == 1
    assert answer.members[0].equal(answer.mask)
    assert answer.quality == expected_dice(answer.probability, answer.mask, BINARY)


def test_without_members_the_head_answers(model, lesion, config):
    answer = predict(lesion, model, with_predict(config, members=0))
    assert len(answer.members) == 1


def test_spread_moves_members_apart_and_leaves_the_fused_mask(model, lesion, answer, config):
    apart = predict(lesion, model, with_predict(config, spread=1.0))
    assert apart.mask.equal(answer.mask)
    assert apart.probability.equal(answer.probability)
    sizes = apart.members.flatten(1).float().mean(dim=1)
    assert sizes.std() > 2 * answer.members.flatten(1).float().mean(dim=1).std()
    assert apart.quality == answer.quality


def test_a_spread_member_stays_itself_among_more(model, lesion, config):
    few, more = (
        predict(lesion, model, with_predict(config, spread=1.0, members=count)).members
        for count in (2, 4)
    )
    assert more[:2].equal(few)


def test_more_steps_than_levels_are_refused(model, lesion, config):
    with pytest.raises(ConfigError, match=r"1001 sampling steps.*there are 1000 noise levels"):
        predict(lesion, model, with_predict(config, steps=1001))


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_another_number_of_channels_is_refused(model, lesion, config, channels: int):
    image = lesion.image[:1].repeat(channels, 1, 1)
    with pytest.raises(DataError, match=f"{channels} image channel"):
        predict(replace(lesion, image=image), model, config)


def test_the_answer_says_how_it_was_made(answer, model, config):
    made = answer.provenance
    assert made["weights_hash"] == model.weights_hash
    assert PredictConfig.model_validate(made["predict"]) == config
    assert made["precision"] == "fp32"


def test_an_empty_mask_is_warned_of(model, lesion, config):
    sealed = model.config.model_copy(update={"threshold": 0.999})
    nothing = replace(lesion, image=torch.full_like(lesion.image, 255.0))
    uncalibrated = config.model_copy(update={"calibrated": False})
    answer = predict(nothing, replace(model, config=sealed), uncalibrated)
    assert [warning for warning in answer.warnings if "empty" in warning]
