"""Validation: Dice at native size, the threshold, the picture."""

from __future__ import annotations

import pytest
from PIL import Image

from medsegdiff.engine.predict import predict
from medsegdiff.engine.validation import THRESHOLDS, evenly_spread, validate
from medsegdiff.metrics import Dice
from medsegdiff.types import labels_from_probability

STUDIES = ["ISIC_0014667", "ISIC_0014802"]


@pytest.mark.parametrize("keep_largest", [False, True])
def test_it_is_the_dice_of_the_masks_that_a_user_gets(keep_largest, model, skin):
    config = model.predict.model_copy(update={"threshold": 0.5, "keep_largest": keep_largest})
    result = validate(model, skin, STUDIES, config)
    for study in STUDIES:
        sample = skin.load(study)
        expected = Dice()(predict(sample, model, config).mask, sample.labels, None)
        assert result.per_study[study] == float(expected)
    assert result.dice == pytest.approx(sum(result.per_study.values()) / 2)


def test_the_best_threshold_is_chosen(model, skin):
    result = validate(model, skin, STUDIES, model.predict, THRESHOLDS)
    each = [
        validate(model, skin, STUDIES, model.predict, (threshold,)).dice for threshold in THRESHOLDS
    ]
    assert result.dice == max(each)
    assert each[THRESHOLDS.index(result.threshold)] == max(each)


def test_the_final_threshold_is_kept_with_the_weights(finished_run, model, skin):
    result = validate(model, skin, STUDIES, model.predict, THRESHOLDS)
    assert model.config.threshold == result.threshold
    sample = skin.load(STUDIES[0])
    answer = predict(sample, model, model.predict)
    assert answer.mask.equal(labels_from_probability(answer.probability, result.threshold))


def test_a_picture_is_drawn(model, skin, tmp_path):
    validate(model, skin, STUDIES, model.predict, picture=tmp_path / "a" / "sheet.png")
    with Image.open(tmp_path / "a" / "sheet.png") as picture:
        assert picture.width > picture.height > 192


def test_some_studies_stand_for_all():
    names = [f"{number:03d}" for number in range(100)]
    assert evenly_spread(names[::-1], 3) == ["000", "050", "099"]
    assert evenly_spread(names, 200) == names
    assert evenly_spread(names, 1) == ["000"]
    assert len(set(evenly_spread(names, 64))) == 64
