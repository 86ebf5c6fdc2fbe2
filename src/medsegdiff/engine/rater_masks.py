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
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.pairing import paired
from medsegdiff.engine.mask_files import DrawnMask, check_one_grid, read_drawn
from medsegdiff.engine.mask_pairs import MaskPairs, mask_files
from medsegdiff.metrics import RaterAgreement, rater_agreement
from medsegdiff.types import IGNORED

Files = tuple[Mapping[str, Path], ...]  # of each member or rater, by study


@dataclass(frozen=True)
class RaterMasks:
    """Which members and raters drew which study.

    Args:
        members: OUT/members/*/, as `predict --save-members` writes them.
        raters: raters/*/ beside the true masks, or as the data set's layout has them.
    """

    members: Files
    raters: Files

    @classmethod
    def beside(cls, pairs: MaskPairs) -> Self:
        """Look for them; either may be empty."""
        out = next(iter(pairs.predictions.values())).parent
        members = _files(out / "members", pairs.references)
        if pairs.dataset is not None:
            return cls(members, _of_dataset(pairs.dataset, pairs.studies))
        truth = next(iter(pairs.references.values())).parent
        raters = _files(truth.parent / "raters", pairs.references)
        return cls(members, raters or _files(truth / "raters", pairs.references))

    def agreement(self, pairs: MaskPairs, study: str, truth: DrawnMask) -> RaterAgreement | None:
        """Compare a study's members with its raters; None where it lacks either.

        Voxels that a rater or the truth leaves out (-1) count nowhere.

        Raises:
            DataError: a mask cannot be read, holds a value of no class, or is of another grid.
        """
        members = [files[study] for files in self.members if study in files]
        raters = [files[study] for files in self.raters if study in files]
        if not members or not raters:
            return None
        drawn = _stacked(members, pairs.found_map, truth)
        theirs = _stacked(raters, pairs.label_map, truth)
        known = (truth.labels != IGNORED) & (theirs != IGNORED).all(dim=0)
        if not known.all():
            drawn, theirs = drawn[:, known], theirs[:, known]
        labels = pairs.label_map
        return rater_agreement(drawn, theirs, labels.classes, labels.coding.regions)


def _files(folder: Path, studies: Collection[str]) -> Files:
    if not folder.is_dir():
        return ()
    drawers = sorted(one for one in folder.iterdir() if one.is_dir() and one.name[0] != ".")
    return tuple(paired(mask_files(drawer), studies) for drawer in drawers)


def _of_dataset(dataset: FileDataset, studies: Collection[str]) -> Files:
    """By rater, the files of those who drew any of the studies."""
    found: dict[str, dict[str, Path]] = {}
    for study in studies:
        for rater, path in dataset.study_files(study).raters.items():
            found.setdefault(rater, {})[study] = path
    return tuple(found[rater] for rater in sorted(found))


def _stacked(paths: list[Path], label_map: LabelMap, truth: DrawnMask) -> Int[Tensor, "M *S"]:
    """Masks of one study; in one byte a voxel where that holds all classes."""
    kind = torch.int8 if label_map.classes < 2**7 else torch.int64
    stacked = torch.empty((len(paths), *truth.labels.shape), dtype=kind)
    for number, path in enumerate(paths):
        drawn = read_drawn(path, label_map, truth.geometry)
        check_one_grid(truth, drawn)
        stacked[number] = drawn.labels
    return stacked
