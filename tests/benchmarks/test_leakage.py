"""The attack on x_t finds what leaks."""

from __future__ import annotations

import pytest
import torch
from ablation.leakage import leakage

from medsegdiff.diffusion import ProcessSettings
from medsegdiff.diffusion.schedules.cosine import Cosine
from medsegdiff.types import BINARY, MaskCoding

LEAKY = ProcessSettings(schedule=Cosine(), signal_scale=1)


def discs(count: int = 12, side: int = 64) -> torch.Tensor:
    """Round masks at several places, a tenth of the image each."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    centres = torch.linspace(side * 0.3, side * 0.7, count)
    return torch.stack([((y - c) ** 2 + (x - side / 2) ** 2 < 130).long() for c in centres])


def test_the_cosine_gives_masks_away_and_the_default_hides_them():
    assert leakage(LEAKY, discs(), BINARY) > 0.7
    assert leakage(ProcessSettings(), discs(), BINARY) < 0.4


def test_less_noise_leaks_more():
    found = [leakage(ProcessSettings(), discs(), BINARY, level) for level in (0.3, 0.6, 0.9)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.9


def test_the_background_is_no_structure():
    two = MaskCoding(classes=2, is_exclusive=True)
    for settings in (LEAKY, ProcessSettings()):
        one = leakage(settings, discs(), BINARY)
        assert leakage(settings, discs(), two) == pytest.approx(one, abs=0.05)


def test_regions_may_overlap():
    rim_and_cup = discs()
    rim_and_cup[:, 30:34, 30:34] = 2
    regions = MaskCoding(classes=3, regions=((1, 2), (2,)), painted=(1, 2))
    whole = leakage(LEAKY, (rim_and_cup > 0).long(), BINARY)
    cup = leakage(LEAKY, (rim_and_cup == 2).long(), BINARY)
    assert cup < leakage(LEAKY, rim_and_cup, regions) < whole


def test_all_masks_count():
    small, large = discs(40), torch.zeros(40, 64, 64, dtype=torch.int64)
    large[:, 8:56, 8:56] = 1
    alone = [leakage(ProcessSettings(), one, BINARY) for one in (small, large)]
    both = leakage(ProcessSettings(), torch.cat([large, small]), BINARY)
    assert min(alone) < both < max(alone) - 0.1


def test_empty_masks_do_not_count():
    labels = torch.cat([discs(), torch.zeros(3, 64, 64, dtype=torch.int64)])
    assert leakage(LEAKY, labels, BINARY) > 0.7
