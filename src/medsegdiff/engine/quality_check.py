"""How far the quality that a prediction claims for itself agrees with its true Dice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from medsegdiff.metrics import RiskCoverage, rank_correlation, risk_coverage


@dataclass(frozen=True)
class QualityCheck:
    """Quality against Dice, over the studies of which both are known.

    Args:
        studies: their number.
        spearman: rank correlation, -1 to 1; None where there are too few, or all are alike.
        curve: mean of 1 - Dice when the studies of least quality are left out first.
    """

    studies: int
    spearman: float | None
    curve: RiskCoverage

    @classmethod
    def of(cls, quality: Mapping[str, float], dice: Mapping[str, float]) -> QualityCheck | None:
        """Compare the two, by study; None if no study has both."""
        known = sorted(quality.keys() & dice.keys())
        if not known:
            return None
        scores, true = [quality[one] for one in known], [dice[one] for one in known]
        curve = risk_coverage(scores, [1 - one for one in true])
        return cls(len(known), rank_correlation(scores, true), curve)


def read_quality(out: Path) -> dict[str, float]:
    """The quality of each study in OUT/run_report.json; empty without one that can be read."""
    try:
        report = json.loads((out / "run_report.json").read_text(encoding="utf-8"))
        entries = report["studies"].items()
        return {
            study: float(entry["quality"])
            for study, entry in entries
            if entry.get("quality") is not None
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}
