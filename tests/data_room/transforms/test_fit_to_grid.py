from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsegdiff.data.transforms.fit_to_grid import Aspect, FitToGrid

sizes = st.tuples(st.integers(8, 90), st.integers(8, 90))
aspects = st.sampled_from(["keep", "squeeze"])


@given(sizes, sizes, aspects)
def test_any_size_fits_any_grid_and_comes_back(
    grid: tuple[int, int], native: tuple[int, int], aspect: Aspect
) -> None:
    fit = FitToGrid(size=grid, aspect=aspect)
    image = torch.ones(2, 1, *native)
    drawn = fit.draw(tuple(image.shape))
    there = fit.apply(image, drawn)
    assert tuple(there.shape) == (2, 1, *grid)
    assert torch.allclose(fit.undo(there, drawn), image, atol=1e-5)


@given(sizes, sizes)
def test_the_shape_of_things_is_kept(grid: tuple[int, int], native: tuple[int, int]) -> None:
    inner = FitToGrid(size=grid).inner_size(native)
    assert inner[0] == grid[0] or inner[1] == grid[1]
    scale = min(grid[0] / native[0], grid[1] / native[1])
    assert abs(inner[0] - native[0] * scale) <= 0.5 or inner[0] == 1
    assert abs(inner[1] - native[1] * scale) <= 0.5 or inner[1] == 1


def test_squeezing_leaves_no_padding() -> None:
    image = torch.ones(1, 1, 200, 300)
    there = [FitToGrid(size=(64, 64), aspect=a).apply(image, {}) for a in ("keep", "squeeze")]
    assert [int(one.count_nonzero()) for one in there] == [64 * 43, 64 * 64]


def test_a_square_is_squeezed_as_it_is_kept() -> None:
    kept, squeezed = FitToGrid(size=(64, 64)), FitToGrid(size=(64, 64), aspect="squeeze")
    image, drawn = torch.randn(1, 2, 150, 150), {"native": (150, 150)}
    there = kept.apply(image, drawn)
    assert squeezed.apply(image, drawn).equal(there)
    assert squeezed.undo(there, drawn).equal(kept.undo(there, drawn))


@given(st.integers(30, 200), st.integers(30, 200), sizes, aspects)
def test_the_share_of_a_structure_is_kept(
    height: int, width: int, grid: tuple[int, int], aspect: Aspect
) -> None:
    fit = FitToGrid(size=grid, aspect=aspect)
    labels = torch.zeros(1, height, width, dtype=torch.int64)
    labels[:, height // 5 : height // 2, width // 4 : 2 * width // 3] = 1
    (inner_h, inner_w), moved = fit.inner_size((height, width)), fit.apply_to_labels(labels, {})
    assert abs(moved.sum() - labels.float().mean() * inner_h * inner_w) <= 0.51


def test_settings_of_old_weights_keep_the_shape() -> None:
    assert FitToGrid.model_validate({"name": "fit_to_grid", "size": [8, 8]}).aspect == "keep"


def test_nothing_happens_on_the_grid_itself() -> None:
    fit, image = FitToGrid(size=(24, 32)), torch.randn(1, 3, 24, 32)
    drawn = fit.draw(tuple(image.shape))
    assert fit.apply(image, drawn).equal(image)
    assert fit.undo(image, drawn).equal(image)


def test_image_and_labels_stay_aligned() -> None:
    fit = FitToGrid(size=(48, 48))
    labels = torch.zeros(1, 150, 220, dtype=torch.int64)
    labels[:, 30:110, 60:150] = 1
    drawn = fit.draw((1, 1, 150, 220))
    there = fit.apply(labels[:, None].float(), drawn)[:, 0] > 0.5
    moved = fit.apply_to_labels(labels, drawn) > 0
    assert (there ^ moved).sum() <= 20
    assert 2 * (there & moved).sum() / (there.sum() + moved.sum()) > 0.97


@pytest.mark.parametrize("aspect", ["keep", "squeeze"])
def test_a_probability_comes_back_to_its_place(aspect: Aspect) -> None:
    fit = FitToGrid(size=(64, 64), aspect=aspect)
    labels = torch.zeros(1, 200, 300, dtype=torch.int64)
    labels[:, 20:150, 40:170] = 1
    drawn = fit.draw((1, 1, 200, 300))
    back = fit.undo(fit.apply_to_labels(labels, drawn)[:, None].float(), drawn)[:, 0] > 0.5
    assert 2 * (back & (labels > 0)).sum() / (back.sum() + labels.sum()) > 0.98


def test_probabilities_still_sum_to_one() -> None:
    fit = FitToGrid(size=(32, 48))
    probability = torch.randn(2, 3, 32, 48).softmax(dim=1)
    back = fit.undo(probability, fit.draw((2, 3, 77, 101)))
    assert torch.allclose(back.sum(dim=1), torch.ones(2, 77, 101), atol=1e-5)
    assert back.min() >= 0


def test_a_grid_needs_pixels() -> None:
    with pytest.raises(ValueError, match="at least one pixel"):
        FitToGrid(size=(0, 4))
