"""Numbers that say how good a mask is: overlap, distance, calibration, agreement with raters."""

from medsegdiff.component import import_parts
from medsegdiff.metrics.agreement import RaterAgreement, rater_agreement
from medsegdiff.metrics.assd import ASSD
from medsegdiff.metrics.bootstrap import Interval, bootstrap_difference, bootstrap_interval
from medsegdiff.metrics.bounding_box import bounding_box
from medsegdiff.metrics.calibration import Calibration, CalibrationError, CalibrationResult
from medsegdiff.metrics.dice import Dice
from medsegdiff.metrics.failure_detection import RiskCoverage, rank_correlation, risk_coverage
from medsegdiff.metrics.hd95 import HD95
from medsegdiff.metrics.iou import IoU
from medsegdiff.metrics.lesion_precision import LesionPrecision
from medsegdiff.metrics.lesion_sensitivity import LesionSensitivity
from medsegdiff.metrics.lesions import LesionCounts, count_lesions
from medsegdiff.metrics.metric import Metric
from medsegdiff.metrics.nsd import NSD
from medsegdiff.metrics.precision import Precision
from medsegdiff.metrics.sensitivity import Sensitivity

import_parts(__name__, list(__path__))

__all__ = [
    "ASSD",
    "HD95",
    "NSD",
    "Calibration",
    "CalibrationError",
    "CalibrationResult",
    "Dice",
    "Interval",
    "IoU",
    "LesionCounts",
    "LesionPrecision",
    "LesionSensitivity",
    "Metric",
    "Precision",
    "RaterAgreement",
    "RiskCoverage",
    "Sensitivity",
    "bootstrap_difference",
    "bootstrap_interval",
    "bounding_box",
    "count_lesions",
    "rank_correlation",
    "rater_agreement",
    "risk_coverage",
]
