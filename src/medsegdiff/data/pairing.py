"""Which files of a folder belong to which study: by name, never by position."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medsegdiff.data.channel_files import by_channels, channel_of, is_complete
from medsegdiff.data.file_names import image_files, study_name
from medsegdiff.data.formats.choice import image_endings
from medsegdiff.errors import DataError

IMAGE_FOLDERS = ("images", "img")
MASK_FOLDERS = ("masks", "gt")
MASK_SUFFIXES = ("_mask", "_segmentation", "_seg", ".seg")


@dataclass(frozen=True)
class FolderFiles:
    """The files of a data set, by study, sorted.

    Args:
        images: the image of each study.
        masks: its mask, where it has one.
        raters: by rater, that rater's mask of each study.
        masks_alone: names of masks without an image.
        channels: all files of each study, where every channel is a file of its own.
    """

    images: Mapping[str, Path]
    masks: Mapping[str, Path] = field(default_factory=dict)
    raters: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    masks_alone: tuple[str, ...] = ()
    channels: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)


def find_files(root: Path, channels: int = 1, refused: dict[str, str] | None = None) -> FolderFiles:
    """Look through a data set's folder, or take one image file.

    Args:
        root: the folder or file.
        channels: of an image, where that is declared; X_0000, X_0001 ... are then looked for.
        refused: where to put studies that two files have a claim to be, with the reason; None
            refuses the whole folder.

    Raises:
        DataError: there is no image, or two files have a claim to be the same study.
    """
    if root.is_file():
        return FolderFiles({study_name(root): root})
    if not root.is_dir():
        raise DataError(f"There is no file or folder {root}. Check the path.")
    image_folder = _first_folder(root, IMAGE_FOLDERS)
    mask_folder = _first_folder(root, MASK_FOLDERS)
    grouped: dict[str, tuple[Path, ...]] = {}
    if image_folder is None:
        images, masks = _told_apart(image_files(root), refused)
    else:
        grouped = _channel_files(image_files(image_folder), channels)
        images = {study: files[0] for study, files in grouped.items()}
        images = images or by_name(image_files(image_folder), refused)
        masks = {}
    if mask_folder is not None:
        masks = paired(image_files(mask_folder), images, refused)
    if not images:
        raise DataError(
            f"{image_folder or root} holds no image. Put images ({', '.join(image_endings())}) "
            f"into {root / 'images'} and, to train, masks of the same names into {root / 'masks'}."
        )
    known = {study: masks[study] for study in images if study in masks}
    return FolderFiles(
        images,
        known,
        _raters(root, images, refused),
        tuple(sorted(set(masks) - set(images))),
        grouped,
    )


def _channel_files(files: list[Path], channels: int) -> dict[str, tuple[Path, ...]]:
    """Files by study, if each study has exactly so many that are numbered; else none."""
    if channels < 2 or not all(map(channel_of, files)):
        return {}
    groups = by_channels(files)
    counts = {len(group) for group in groups.values()}
    return groups if counts == {channels} and is_complete(groups.values()) else {}


def _first_folder(root: Path, names: Iterable[str]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None)


def _raters(
    root: Path, images: Mapping[str, Path], refused: dict[str, str] | None
) -> dict[str, dict[str, Path]]:
    folder = root / "raters"
    if not folder.is_dir():
        return {}
    raters = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
    return {rater.name: paired(image_files(rater), images, refused) for rater in raters}


def paired(
    files: Iterable[Path], images: Collection[str], refused: dict[str, str] | None = None
) -> dict[str, Path]:
    """Masks by study: an image's own name is taken as it is, any other without its suffix.

    Args:
        files: the masks.
        images: names of the studies.
        refused: as in `find_files`.

    Raises:
        DataError: two files have a claim to be the mask of one study.
    """
    named = ((study_name(path), path) for path in files)
    return _without_twins(
        ((stem if stem in images else _bare_stem(path), path) for stem, path in named), refused
    )


def _told_apart(
    files: list[Path], refused: dict[str, str] | None
) -> tuple[dict[str, Path], dict[str, Path]]:
    """Images and masks of one folder: a mask is named like another file, plus a suffix."""
    stems = {study_name(path) for path in files}
    masks = {
        path for path in files if _bare_stem(path) != study_name(path) and _bare_stem(path) in stems
    }
    images = by_name((path for path in files if path not in masks), refused)
    drawn = ((_bare_stem(path), path) for path in files if path in masks)
    return images, _without_twins(drawn, refused)


def by_name(files: Iterable[Path], refused: dict[str, str] | None = None) -> dict[str, Path]:
    """Files by their names without endings, sorted.

    Raises:
        DataError: two have the same, and `refused` is None.
    """
    return _without_twins(((study_name(path), path) for path in files), refused)


def _without_twins(
    named: Iterable[tuple[str, Path]], refused: dict[str, str] | None
) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for study, path in named:
        if study not in found:
            found[study] = path
            continue
        reason = (
            f"{found[study]} and {path.name} would both be study {study!r}. Remove one or rename "
            "it."
        )
        if refused is None:
            raise DataError(reason)
        refused[study] = reason
    return dict(sorted(found.items()))


def _bare_stem(path: Path) -> str:
    stem = study_name(path)
    for suffix in MASK_SUFFIXES:
        if stem.lower().endswith(suffix):
            return stem[: -len(suffix)]
    return stem
