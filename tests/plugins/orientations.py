"""Every way in which a volume's axes may run, and an affine for each."""

from __future__ import annotations

from itertools import permutations, product

import torch
from torch import Tensor

PAIRS = ("LR", "PA", "IS")
EVERY_ORIENTATION = ["".join(letters) for axes in permutations(PAIRS) for letters in product(*axes)]


def affine_of(letters: str, spacing_mm: tuple[float, ...] = (1.0, 2.0, 3.0)) -> Tensor:
    """An affine of shape (4, 4) whose axes run like the letters."""
    affine = torch.eye(4, dtype=torch.float64)
    affine[:3, :3] = 0
    for axis, (letter, mm) in enumerate(zip(letters, spacing_mm, strict=True)):
        row = next(i for i, pair in enumerate(PAIRS) if letter in pair)
        affine[row, axis] = mm if letter in "RAS" else -mm
    return affine
