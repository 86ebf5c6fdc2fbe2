"""Spellings of other programs."""

from __future__ import annotations

import pytest

from medsegdiff.cli.spelling import normalised

PREDICT = {"-i", "--input", "--save-probabilities", "--device", "--continue", "-o", "--output"}
PREDICT |= {"--num-parts", "--part-id", "-npp"}
TRAIN = {"-f", "--fold", "--resume", "--max-steps"}
EVALUATE = {"-gt", "--gt", "-p", "--prediction"}


@pytest.mark.parametrize(
    ("verb", "known", "given", "ours"),
    [
        ("predict", PREDICT, "--save_probabilities", "--save-probabilities"),
        ("predict", PREDICT, "-save_probabilities", "--save-probabilities"),
        ("predict", PREDICT, "-device cpu", "--device cpu"),
        ("predict", PREDICT, "--device=cuda:0", "--device=cuda:0"),
        ("predict", PREDICT, "--c", "--continue"),
        ("predict", PREDICT, "--continue_prediction", "--continue"),
        ("predict", PREDICT, "-num_parts 4 -part_id 0", "--num-parts 4 --part-id 0"),
        ("predict", PREDICT, "-npp 3", "-npp 3"),
        ("train", TRAIN, "--c", "--resume auto"),
        ("train", TRAIN, "--max_steps=7 -f all", "--max-steps=7 -f all"),
        ("evaluate", EVALUATE, "-gt a_b -p c_d", "-gt a_b -p c_d"),
        ("train", TRAIN, "train.batch_size=8 my_data", "train.batch_size=8 my_data"),
        ("predict", PREDICT, "-i=a_b --unknown_word", "-i=a_b --unknown_word"),
        ("predict", PREDICT, "-- --save_probabilities", "-- --save_probabilities"),
    ],
)
def test_words_in_our_spelling(verb, known, given, ours):
    assert normalised(verb, given.split(), known) == ours.split()
