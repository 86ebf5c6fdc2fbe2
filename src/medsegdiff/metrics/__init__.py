"""Numbers that say how good a mask is: overlap, distance, calibration, agreement with raters."""

from medsegdiff.component import import_parts
from medsegdiff.metrics.agreement import RaterAgreement, rater_agreement
from medsegdiff.metrics.bootstrap import Interval, bootstrap_difference, bootstrap_interval
from medsegdiff.metrics.calibration import Calibration, CalibrationError, CalibrationResult
from medsegdiff.metrics.dice import Dice
from medsegdiff.metrics.failure_detection import RiskCoverage, rank_correlation, risk_coverage
from medsegdiff.metrics.hd95 import HD95
from medsegdiff.metrics.iou import IoU
from medsegdiff.metrics.metric import Metric
from medsegdiff.metrics.nsd import NSD
from medsegdiff.metrics.precision import Precision
from medsegdiff.metrics.sensitivity import Sensitivity

import_parts(__name__, list(__path__))

__all__ = [
    "HD95",
    "NSD",
    "Calibration",
    "CalibrationError",
    "CalibrationResult",
    "Dice",
    "Interval",
    "IoU",
    "Metric",
    "Precision",
    "RaterAgreement",
    "RiskCoverage",
    "Sensitivity",
    "bootstrap_difference",
    "bootstrap_interval",
    "rank_correlation",
    "rater_agreement",
    "risk_coverage",
]
