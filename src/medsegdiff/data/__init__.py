"""From a study on disk to a prepared image, and from a mask back to a file."""

from medsegdiff.data import datasets, transforms
from medsegdiff.data.batches import PreparedCache, batch_indices
from medsegdiff.data.dataset import Dataset
from medsegdiff.data.datasets.folder import Folder
from medsegdiff.data.labels import LabelMap
from medsegdiff.data.preparation import Preparation, Prepared
from medsegdiff.data.splits import Splits, folds, seeded_splits
from medsegdiff.data.transform import Transform, augment

__all__ = [
    "Dataset",
    "Folder",
    "LabelMap",
    "Preparation",
    "Prepared",
    "PreparedCache",
    "Splits",
    "Transform",
    "augment",
    "batch_indices",
    "datasets",
    "folds",
    "seeded_splits",
    "transforms",
]
