"""Where members are cut into labels: where the fused mask is, or each at a level of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from medsegdiff.engine.config import PredictConfig
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.ensemble import at_own_level, own_draw, tempered
from medsegdiff.types import MaskCoding, labels_from_probability


@dataclass(frozen=True)
class MemberCut:
    """Cuts the members of one study, wherever their voxels are looked at.

    Args:
        threshold: of the fused mask, too; for binary tasks and regions.
        temperature: as for the fused probability.
        spread: how far the members' own levels lie apart, 0 to 1.
        start: where the sequence of their draws begins, 0 to 1: one for each class, and a single
            one for regions, so that what lies inside another stays inside.
        per_fold: members of each fold; the draws of all folds are the same.
        coding: what the channels are.
    """

    threshold: float
    temperature: float
    spread: float
    start: tuple[float, ...]
    per_fold: int
    coding: MaskCoding

    @classmethod
    def of(cls, model: TrainedModel, config: PredictConfig, digest: bytes) -> MemberCut:
        """What these settings come to for the study with this digest."""
        coding = model.config.coding
        is_single = config.members < 2 or not model.networks[0].denoises
        return cls(
            threshold_of(model, config),
            model.temperature(config),
            0.0 if is_single else config.spread,
            _shares(digest, config.seed, coding.classes if coding.is_exclusive else 1),
            max(1, config.members),
            coding,
        )

    def __call__(self, number: int, member: Float[Tensor, "K *S"]) -> Integer[Tensor, "*S"]:
        """The labels of the member with this number in its fold, from 0; uint8 if they fit."""
        probability = tempered(member, self.temperature, self.coding)
        if self.spread:
            draw = own_draw(torch.tensor(self.start), number)
            probability = at_own_level(probability, draw, self.spread, self.coding)
        labels = labels_from_probability(probability, self.threshold, self.coding)
        return labels.to(torch.uint8) if self.coding.classes <= 2**8 else labels

    def all(self, members: Iterable[Float[Tensor, "K *S"]]) -> list[Integer[Tensor, "*S"]]:
        """The labels of all members, fold by fold."""
        return [self(number % self.per_fold, one) for number, one in enumerate(members)]


def threshold_of(model: TrainedModel, config: PredictConfig) -> float:
    """Where the fused mask is cut: as the user says, or as validation chose."""
    return config.threshold or model.config.threshold


def _shares(digest: bytes, seed: int, count: int) -> tuple[float, ...]:
    """Numbers from 0 to 1 (left out) that hang on a study and a seed alone."""
    salted = (blake2b(digest + f"/{seed}/{one}".encode(), digest_size=4) for one in range(count))
    return tuple(int.from_bytes(one.digest(), "little") / 2**32 for one in salted)
