"""Our STAPLE against ITK's, which implements the same paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from medsegdiff.ensemble import estimate_truth

sitk = pytest.importorskip("SimpleITK")


def noisy_discs(members: int, seed: int) -> Tensor:
    """Discs of one image whose centres, radii and voxels differ, shape (M, 64, 64)."""
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    shift = 3 * torch.randn(members, 3, 1, 1, generator=generator)
    distance = (y - 30 - shift[:, 0]) ** 2 + (x - 34 - shift[:, 1]) ** 2
    speckle = torch.rand(members, 64, 64, generator=generator) < 0.05
    return ((distance < (18 + shift[:, 2]) ** 2) ^ speckle).long()


@pytest.mark.parametrize("members", [3, 5, 8])
@pytest.mark.parametrize("seed", range(5))
def test_binary_staple_is_that_of_simpleitk(members, seed):
    labels = noisy_discs(members, seed)
    oracle = sitk.STAPLEImageFilter()
    truth = oracle.Execute([sitk.GetImageFromArray(m.byte().numpy()) for m in labels])
    ours = estimate_truth(labels, 2, tolerance=1e-12, max_iterations=5000)
    # Both use float64, but ITK stops at a step of 1e-7, before a slow EM has converged.
    np.testing.assert_allclose(
        ours.probability[1], sitk.GetArrayFromImage(truth), rtol=0, atol=1e-5
    )
    np.testing.assert_allclose(ours.confusion[:, 1, 1], oracle.GetSensitivity(), rtol=0, atol=1e-5)
    np.testing.assert_allclose(ours.confusion[:, 0, 0], oracle.GetSpecificity(), rtol=0, atol=1e-5)


def test_labels_of_three_classes_are_those_of_simpleitk():
    inner, outer = noisy_discs(5, 0), noisy_discs(5, 1)
    labels = torch.where(inner == 1, 2, outer)
    oracle = sitk.MultiLabelSTAPLEImageFilter()
    fused = oracle.Execute([sitk.GetImageFromArray(m.byte().numpy()) for m in labels])
    ours = estimate_truth(labels, 3).probability.max(dim=0).indices.numpy()
    # ITK starts from the majority vote and stores float32, so near-ties may fall either way.
    assert (ours == sitk.GetArrayFromImage(fused)).mean() > 0.995
