"""The masks of several raters beside the true masks, and those of several members beside OUT's."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor
from typing_extensions import Self

from medsegdiff.data import LabelMap
from medsegdiff.data.pairing import image_files, paired
from medsegdiff.data.reader import read_mask
from medsegdiff.engine.mask_pairs import MaskPairs
from medsegdiff.errors import DataError
from medsegdiff.metrics import RaterAgreement, rater_agreement

Files = tuple[Mapping[str, Path], ...]  # of each member or rater, by study


@dataclass(frozen=True)
class RaterMasks:
    """Which members and raters drew which study.

    Args:
        members: OUT/members/*/, as `predict --save-members` writes them.
        raters: raters/*/ beside the true masks.
    """

    members: Files
    raters: Files

    @classmethod
    def beside(cls, pairs: MaskPairs) -> Self:
        """Look for them; either may be empty."""
        truth = next(iter(pairs.references.values())).parent
        out = next(iter(pairs.predictions.values())).parent
        raters = _files(truth.parent / "raters", pairs.references)
        return cls(
            _files(out / "members", pairs.references),
            raters or _files(truth / "raters", pairs.references),
        )

    def agreement(self, pairs: MaskPairs, study: str) -> RaterAgreement | None:
        """Compare a study's members with its raters; None where it lacks either.

        Raises:
            DataError: a mask cannot be read, holds a value of no class, or is of another size.
        """
        members = [files[study] for files in self.members if study in files]
        raters = [files[study] for files in self.raters if study in files]
        if not members or not raters:
            return None
        return rater_agreement(
            _stacked(members, pairs.found_map),
            _stacked(raters, pairs.label_map),
            pairs.label_map.classes,
        )


def read_labels(path: Path, label_map: LabelMap) -> Int[Tensor, "H W"]:
    """Read a mask as class numbers.

    Raises:
        DataError: it cannot be read, or holds a value of no class; names the file.
    """
    try:
        return label_map.encode(read_mask(path))
    except DataError as error:
        if str(path) in str(error):
            raise
        raise DataError(f"The mask {path} cannot be used: {error}") from None


def _files(folder: Path, studies: Collection[str]) -> Files:
    if not folder.is_dir():
        return ()
    drawers = sorted(one for one in folder.iterdir() if one.is_dir() and one.name[0] != ".")
    return tuple(paired(image_files(drawer), studies) for drawer in drawers)


def _stacked(paths: list[Path], label_map: LabelMap) -> Int[Tensor, "M H W"]:
    masks = [read_labels(path, label_map) for path in paths]
    for path, mask in zip(paths, masks, strict=True):
        if mask.shape != masks[0].shape:
            raise DataError(
                f"The masks {paths[0]} and {path} differ in size. All of one study must be of the "
                "size of its image."
            )
    return torch.stack(masks)
