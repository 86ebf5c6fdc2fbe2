"""What is said of a quality score, and how files are offered."""

from __future__ import annotations

import pytest

from medsegdiff.serve.results import QUALITY, quality_words


@pytest.mark.parametrize(
    ("quality", "words"),
    [
        (1.0, "nearly the same"),
        (0.95, "nearly the same"),
        (0.949, "differ a little"),
        (0.8, "differ in part"),
        (0.3, "disagree"),
        (0.0, "disagree"),
    ],
)
def test_a_quality_has_its_words_and_their_limit(quality, words):
    assert words in quality_words(quality)
    assert "does not prove that the mask is right" in quality_words(quality)


def test_one_mask_has_no_quality():
    assert "Only one mask" in quality_words(None)


def test_the_words_are_in_order():
    assert [least for least, _ in QUALITY] == sorted((least for least, _ in QUALITY), reverse=True)
