"""From a path to a data set: to train on, to look through, or to predict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from medsegdiff.component import import_plugins
from medsegdiff.data import Dataset, Folder, Report, verify
from medsegdiff.data.datasets.nnunet_images import NNUNetImages, has_channel_files
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.folder_tree import SPLITS
from medsegdiff.data.recognition import recognised
from medsegdiff.engine.data_plan import default_side
from medsegdiff.engine.precision import chosen_device
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import ConfigError, DataError


def open_data(data: Path, layout: str | None = None) -> FileDataset:
    """Open a data set as it lies on disk, in whatever layout it is.

    Args:
        data: its folder, or the file that lists its studies.
        layout: the name of its layout; None recognises it.

    Raises:
        DataError: there is no image, or it looks like several layouts.
        ConfigError: there is no such layout.
    """
    import_plugins()
    dataset = recognised(data, layout).model_validate({"root": data})
    dataset.ids()
    return dataset


def open_images(images: Path, model: TrainedModel) -> FileDataset:
    """Open images to predict, with the channels that the weights expect.

    Args:
        images: an image, a folder of images (X_0000, X_0001 ... are channels of one study), a
            DICOM series or a tree of them, or a data set in any layout.
        model: the weights.

    Raises:
        DataError: there is no image.
    """
    return images_of(images, len(model.config.channel_names))


def images_of(images: Path, channels: int) -> FileDataset:
    """Open images without masks; as `open_images`, for so many channels.

    Raises:
        DataError: there is no image.
    """
    import_plugins()
    layout = recognised(images)
    if layout is Folder and has_channel_files(images, channels):
        layout = NNUNetImages
    return layout.of_images(images, channels)


def studies_of(dataset: Dataset, split: str | None) -> Sequence[str]:
    """All studies, or those of one split.

    Raises:
        ConfigError: there never is such a split.
        DataError: the data set has no study in it.
    """
    if split is None:
        return dataset.ids()
    if split not in SPLITS:
        raise ConfigError(f"There is no split {split!r}. Give {', '.join(SPLITS)}.")
    studies = getattr(dataset.declared_splits(is_checked=False), split, ())
    if not studies:
        raise DataError(
            f"The data set has no split {split!r} with studies in it. Splits are read from the "
            "splits.json of a data set: give its own folder, not that of its images."
        )
    return sorted(studies)


def look_through(
    data: Path,
    side: int | None = None,
    progress: Callable[[int, int], object] | None = None,
    layout: str | None = None,
) -> Report:
    """Read every study of a data set and report on all of them.

    Args:
        data: the data set's folder, or the file that lists its studies.
        side: of the grid that a network will see, in pixels; None for what a training would take
            on this machine.
        progress: called with (studies done, studies in all).
        layout: the name of its layout; None recognises it.

    Raises:
        DataError: there is no image, or it looks like several layouts.
    """
    return verify(open_data(data, layout), side or default_side(chosen_device()), progress)
