"""From a path to a data set: to train on, to look through, or to predict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from medsegdiff.data import Dataset, Folder, Report, verify
from medsegdiff.engine.data_plan import default_side
from medsegdiff.engine.precision import chosen_device
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.errors import DataError


def open_data(data: Path) -> Folder:
    """Open a data set as it lies on disk.

    Raises:
        DataError: there is no image.
    """
    dataset = Folder(root=data)
    dataset.ids()
    return dataset


def open_images(images: Path, model: TrainedModel) -> Folder:
    """Open an image or a folder of images, with the channels that the weights expect.

    Raises:
        DataError: there is no image.
    """
    channels = len(model.config.channel_names)
    return Folder.of_images(images, channels if channels in (1, 3) else None)


def studies_of(dataset: Dataset, split: str | None) -> Sequence[str]:
    """All studies, or those of one split.

    Raises:
        DataError: there is no such split.
    """
    if split is None:
        return dataset.ids()
    splits = dataset.declared_splits(is_checked=False)
    studies = getattr(splits, split, ()) if split in ("train", "val", "test") else ()
    if not studies:
        raise DataError(
            f"The data set has no split {split!r} with studies in it. Give train, val or test, "
            "and a folder with images/ and splits.json."
        )
    return sorted(studies)


def look_through(
    data: Path, side: int | None = None, progress: Callable[[int, int], object] | None = None
) -> Report:
    """Read every study of a data set and report on all of them.

    Args:
        data: the data set's folder.
        side: of the grid that a network will see, in pixels; None for what a training would take
            on this machine.
        progress: called with (studies done, studies in all).

    Raises:
        DataError: there is no image.
    """
    return verify(open_data(data), side or default_side(chosen_device()), progress)
