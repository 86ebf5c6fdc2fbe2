"""One temperature: found again where it is known, and applied to what the user gets."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.engine.calibration import (
    FittedTemperature,
    fit_temperature,
    likeliest_temperature,
)
from medsegdiff.engine.predict import predict
from medsegdiff.engine.settings import with_predict
from medsegdiff.ensemble import expected_dice, tempered
from medsegdiff.metrics import CalibrationError
from medsegdiff.types import BINARY, labels_from_probability

STUDIES = ["ISIC_0014667", "ISIC_0014802"]


@given(st.floats(0.3, 4), st.integers(0, 2**31))
def test_a_known_temperature_is_found_again(temperature: float, seed: int):
    generator = torch.Generator().manual_seed(seed)
    true = torch.sigmoid(2 * torch.randn(1, 40_000, generator=generator))
    labels = (torch.rand(40_000, generator=generator) < true[0]).long()
    distorted = tempered(true, 1 / temperature)
    assert likeliest_temperature(distorted, labels) == pytest.approx(temperature, rel=0.05)


def test_a_known_temperature_of_several_classes_is_found_again():
    generator = torch.Generator().manual_seed(0)
    true = (2 * torch.randn(3, 40_000, generator=generator)).softmax(dim=0)
    labels = torch.multinomial(true.T, 1, generator=generator)[:, 0]
    assert likeliest_temperature(tempered(true, 0.4), labels) == pytest.approx(2.5, rel=0.05)


@pytest.mark.parametrize(("share", "nothing"), [(0.9, False), (0.5, True)])
def test_probabilities_that_say_nothing_are_told(share: float, nothing: bool):
    probability = torch.tensor([0.1, 0.9]).repeat(500)[None]
    right = torch.arange(1000) < 1000 * share
    labels = torch.where(right, probability[0] > 0.5, probability[0] < 0.5).long()
    temperature = likeliest_temperature(probability, labels)
    known = CalibrationError()
    known.add(probability, labels, BINARY)
    seen = known.result().everywhere
    assert FittedTemperature(temperature, 1, seen, seen).says_nothing == nothing


def test_the_fit_lowers_the_nll_and_forgets_an_older_temperature(model, skin):
    fitted = fit_temperature(model, skin, STUDIES, model.predict)
    assert fitted.after.nll < fitted.before.nll
    assert fitted.before.voxels == 2 * -(-(256**2) // 5)  # every fifth of each
    other = replace(model, config=model.config.model_copy(update={"temperature": 3.0}))
    assert fit_temperature(other, skin, STUDIES, model.predict) == fitted


def test_the_temperature_kept_with_the_weights_is_applied(model, lesion):
    hot = replace(model, config=model.config.model_copy(update={"temperature": 2.0}))
    config = with_predict(model.predict, threshold=0.4)
    plain = predict(lesion, model, with_predict(config, calibrated=False))
    answer = predict(lesion, hot, config)
    assert answer.probability.equal(tempered(plain.probability, 2.0))
    assert answer.mask.equal(labels_from_probability(answer.probability, 0.4))
    assert answer.quality == expected_dice(answer.probability, answer.mask, BINARY)
    assert answer.uncertainty.mean() > plain.uncertainty.mean()  # that of what comes true
    assert answer.mutual_information.equal(plain.mutual_information)


def test_members_are_cut_where_the_mask_is(model, lesion):
    hot = replace(model, config=model.config.model_copy(update={"temperature": 2.0}))
    head = with_predict(model.predict, members=0, threshold=0.4)
    answer = predict(lesion, hot, head)
    assert answer.members[0].equal(answer.mask.to(torch.uint8))


def test_calibration_can_be_turned_off(model, lesion):
    cold = replace(model, config=model.config.model_copy(update={"temperature": 1.0}))
    plain = with_predict(model.predict, calibrated=False)
    answers = [predict(lesion, one, plain) for one in (model, cold)]
    assert answers[0].probability.equal(answers[1].probability)
