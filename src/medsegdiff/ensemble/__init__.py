"""Several masks of one study become one: probability, uncertainty; and how good it may be."""

from medsegdiff.component import import_parts
from medsegdiff.ensemble.ensemble import Ensemble
from medsegdiff.ensemble.levels import at_own_level, own_draw
from medsegdiff.ensemble.mean import Mean
from medsegdiff.ensemble.quality import expected_dice
from medsegdiff.ensemble.staple import Staple, StapleEstimate, estimate_truth
from medsegdiff.ensemble.steps import fused_steps
from medsegdiff.ensemble.temperature import tempered
from medsegdiff.ensemble.uncertainty import (
    expected_entropy,
    mutual_information,
    predictive_entropy,
)
from medsegdiff.ensemble.vote import Vote

import_parts(__name__, list(__path__))

__all__ = [
    "Ensemble",
    "Mean",
    "Staple",
    "StapleEstimate",
    "Vote",
    "at_own_level",
    "estimate_truth",
    "expected_dice",
    "expected_entropy",
    "fused_steps",
    "mutual_information",
    "own_draw",
    "predictive_entropy",
    "tempered",
]
