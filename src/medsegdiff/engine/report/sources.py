"""Where the images and the true masks of OUT are found."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from medsegdiff.component import import_plugins
from medsegdiff.data import Folder, LabelMap
from medsegdiff.data.datasets.nnunet_images import NNUNetImages, has_channel_files
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.recognition import recognised
from medsegdiff.engine.mask_pairs import MaskPairs, find_pairs
from medsegdiff.engine.report.out_files import OutFiles
from medsegdiff.engine.report.study_pictures import StudyPictures
from medsegdiff.errors import MedSegDiffError

MOST_CHANNELS = 8  # files a study, X_0000 ... X_0007, that are looked for


@dataclass(frozen=True)
class Given:
    """What the user says of where things are; None is looked for.

    Args:
        images: an image, a folder of images, or a data set.
        truth: a folder of masks, or a data set.
        summary: the evaluation, where it is not OUT/summary.json.
    """

    images: Path | None = None
    truth: Path | None = None
    summary: Path | None = None


def find_pictures(files: OutFiles, given: Given) -> tuple[StudyPictures, list[str]]:
    """Find what can be shown of the studies of OUT.

    Returns:
        The pictures, and in plain words what is missing in them and how to add it.

    Raises:
        DataError: what the user says is not so.
    """
    pairs = _pairs(files, given.truth)
    stored = files.run_report.content.get("labels")
    label_map = LabelMap.model_validate(stored) if stored else None
    images = open_images(given.images) if given.images else _images_beside(pairs, files, given)
    hashes = {
        study: entry["input_hash"]
        for study, entry in files.studies.items()
        if entry.get("input_hash")
    }
    if files.summary is not None:
        hashes = {study: hashes[own] for study, own in files.names().items() if own in hashes}
    if pairs is not None:
        called = files.called(pairs.found_map.names)
        label_map = pairs.found_map.model_copy(update={"names": called})
    pictures = StudyPictures(files.out, label_map, images, pairs, hashes)
    return pictures, _missing(pictures, files)


def open_images(path: Path) -> FileDataset:
    """Open images whose number of channels is not known.

    Raises:
        DataError: there is no image.
    """
    import_plugins()
    layout = recognised(path)
    if layout is Folder:
        counts = range(2, MOST_CHANNELS + 1)
        layout = NNUNetImages if any(has_channel_files(path, n) for n in counts) else Folder
    return layout.of_images(path)


def _pairs(files: OutFiles, truth: Path | None) -> MaskPairs | None:
    """The true masks: those given, or those of the evaluation if they are still there."""
    if files.summary is None:
        return None
    if truth is not None:
        return find_pairs(truth, files.out, files.evaluation.get("split"))
    reference = files.evaluation.get("reference")
    if reference is None or not Path(reference).exists():
        return None
    try:
        return find_pairs(Path(reference), files.out, files.evaluation.get("split"))
    except MedSegDiffError:
        return None  # what lies there now is something else


def _images_beside(pairs: MaskPairs | None, files: OutFiles, given: Given) -> FileDataset | None:
    """The images of the data set that the true masks belong to."""
    reference = given.truth or files.evaluation.get("reference")
    if pairs is None or reference is None:
        return None
    drawn = {path.resolve() for path in pairs.references.values()}
    for root in (Path(reference), Path(reference).parent):
        try:
            images = open_images(root)
            found = {images.study_files(study).images[0].resolve() for study in pairs.studies}
        except MedSegDiffError:
            continue
        if not found & drawn or pairs.dataset is not None:
            return images
    return None


def _missing(pictures: StudyPictures, files: OutFiles) -> list[str]:
    found = []
    if pictures.label_map is None:
        found.append("How classes are stored in the masks is not known, so none is shown.")
    if pictures.images is None:
        found.append("The images were not found, so none is shown: name them with -i IMAGES.")
    if files.summary is not None and pictures.pairs is None:
        found.append("The true masks were not found, so none is shown: name them with -gt TRUTH.")
    if not (files.out / "uncertainty").is_dir():
        found.append("There is no uncertainty to show: predict with --save-uncertainty.")
    return found
