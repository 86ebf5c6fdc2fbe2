"""What flags mean: budgets and folds."""

from __future__ import annotations

import pytest

from medsegdiff.cli.given import budget, check_given_once, fold_number
from medsegdiff.errors import ConfigError


def test_hours_are_minutes():
    assert budget(None, 1.5, None) == budget(90.0, None, None) == ["train.max_minutes=90.0"]


def test_minutes_and_hours_together_are_refused():
    with pytest.raises(ConfigError, match="not both"):
        budget(5, 1, None)


def test_a_fold_is_a_number_or_all():
    assert (fold_number("3"), fold_number("all")) == (3, "all")
    with pytest.raises(ConfigError, match="no fold 'first'"):
        fold_number("first")


@pytest.mark.parametrize(
    ("flag", "word"),
    [
        ("members", "members=1"),
        ("members", "predict.members=1"),
        ("steps", "sampler.steps=3"),
        ("steps", "sampler=ddpm"),
        ("sampler", "predict.sampler={name: ddim, eta: 1}"),
        ("train.max_steps", "train.max_steps=5"),
    ],
)
def test_a_flag_and_a_word_of_one_setting_are_refused(flag: str, word: str):
    with pytest.raises(ConfigError, match="given twice") as told:
        check_given_once({"seed": None, flag: 8}, ["seed=1", word])
    assert word in str(told.value)


def test_flags_and_words_of_other_settings_go_together():
    words = ["sampler.eta=1", "member_batch=4", "predict.overlap=0.25"]
    check_given_once({"members": 8, "sampler": "ddim", "steps": None}, words)
