"""What is said of a quality score, and how files are offered."""

from __future__ import annotations

import pytest

from medsegdiff.serve.results import QUALITY, quality_words


@pytest.mark.parametrize(
    ("quality", "words"),
    [
        (1.0, "nearly sure"),
        (0.95, "nearly sure"),
        (0.949, "a little unsure"),
        (0.8, "unsure of parts"),
        (0.3, "not sure"),
        (0.0, "not sure"),
    ],
)
def test_a_quality_has_its_words_and_their_limit(quality, words):
    assert words in quality_words(quality)
    assert "does not prove that the mask is right" in quality_words(quality)


def test_the_words_are_in_order():
    assert [least for least, _ in QUALITY] == sorted((least for least, _ in QUALITY), reverse=True)
