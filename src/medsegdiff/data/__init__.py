"""From a study on disk to a prepared image, and from a mask back to a file."""

from medsegdiff.data import datasets, transforms
from medsegdiff.data.batches import PreparedCache, batch_indices
from medsegdiff.data.dataset import Dataset
from medsegdiff.data.datasets.folder import Folder
from medsegdiff.data.familiar import Familiar
from medsegdiff.data.fingerprint import DatasetFingerprint, manifest_hash
from medsegdiff.data.grid import Grid
from medsegdiff.data.labels import LabelMap
from medsegdiff.data.patches import (
    Window,
    WindowDraws,
    central,
    row_axis,
    window_weight,
    windows_over,
)
from medsegdiff.data.preparation import Preparation, Prepared
from medsegdiff.data.report import Report
from medsegdiff.data.splits import Splits, folds, seeded_splits
from medsegdiff.data.transform import Transform, augment
from medsegdiff.data.verify import verify
from medsegdiff.data.writer import write_labels, write_map

__all__ = [
    "Dataset",
    "DatasetFingerprint",
    "Familiar",
    "Folder",
    "Grid",
    "LabelMap",
    "Preparation",
    "Prepared",
    "PreparedCache",
    "Report",
    "Splits",
    "Transform",
    "Window",
    "WindowDraws",
    "augment",
    "batch_indices",
    "central",
    "datasets",
    "folds",
    "manifest_hash",
    "row_axis",
    "seeded_splits",
    "transforms",
    "verify",
    "window_weight",
    "windows_over",
    "write_labels",
    "write_map",
]
