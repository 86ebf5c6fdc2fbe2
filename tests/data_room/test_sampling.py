from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.data.sampling import every_nth


@given(st.integers(1, 80), st.integers(1, 80), st.integers(1, 500))
def test_a_few_pixels_are_picked_from_all_over(height: int, width: int, most: int) -> None:
    image = torch.arange(height * width).float().reshape(1, height, width)
    picked = every_nth(image, most)
    assert 1 <= picked.shape[1] <= most
    if height * width <= most:
        assert picked.equal(image.flatten(1))


def test_every_column_of_an_even_image_is_visited() -> None:
    image = torch.arange(64).expand(1, 64, 64).float()
    assert len(every_nth(image, 512).unique()) == 64
