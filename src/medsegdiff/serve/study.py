"""From the files of an upload to one study that the engine reads."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from medsegdiff.errors import DataError
from medsegdiff.serve.archives import ArchiveLimits, unpack
from medsegdiff.serve.file_names import (
    ARCHIVE,
    DICOM,
    PICTURES,
    VOXELS,
    ending_of,
    parts_of,
    safe_name,
)

STUDY = "study"  # the folder that a study of several files is laid out in, under its name
CHANNEL = re.compile(r".+_\d{4}")


def arranged(
    files: Sequence[Path],
    given: Sequence[str],
    folder: Path,
    channels: int,
    limits: ArchiveLimits,
    name: str | None = None,
) -> Path:
    """Lay an upload's files out as `medsegdiff predict -i` takes them.

    Args:
        files: as they were uploaded.
        given: what the client calls them, which may name the folder that they were in.
        folder: to work in.
        channels: images that the model sees of a study.
        limits: for an archive.
        name: of a study of several files; None takes that of their folder, or of the archive.

    Returns:
        A file, or a folder that holds the files of one study.

    Raises:
        DataError: there is no image, or several studies.
    """
    name = name or _series_name(given)
    if any(_has(path, (ARCHIVE,)) for path in files):
        if len(files) > 1:
            raise DataError("One zip holds one study. Upload it alone.")
        target = folder / "unpacked"
        target.mkdir()
        return arranged(unpack(files[0], target, limits), given, folder, channels, limits, name)
    if not files:
        raise DataError("There is no image. Choose one.")
    headers = [path for path in files if not _has(path, VOXELS)]
    if len(headers) == 1 and not _is_dicom(headers[0]):
        return headers[0]
    if all(map(_is_dicom, headers)):
        return headers[0] if len(headers) == 1 else _together(headers, folder / STUDY / name)
    return _as_channels(headers, folder / STUDY / name, channels)


def _as_channels(files: Sequence[Path], folder: Path, channels: int) -> Path:
    """Several files as the channels of one study, by their numbers or else by their order."""
    names = [path.name[: -len(ending_of(path.name))] for path in files]
    is_numbered = all(CHANNEL.fullmatch(one) for one in names)
    is_one = len({one[:-5] for one in names}) == 1
    if is_numbered and is_one:
        return _together(files, folder)
    are_pictures = any(_has(path, PICTURES) for path in files)
    if len(files) != channels or are_pictures:
        raise DataError(
            f"One study at a time: there are {len(files)} files, and the model sees {channels} "
            "channel(s) of a study. Upload one image; or all channels of one study, named "
            "study_0000, study_0001 and so on; or the files of one DICOM series."
        )
    folder.mkdir(parents=True)
    for number, path in enumerate(files):
        link(path, folder / f"{folder.name}_{number:04d}{ending_of(path.name)}")
    return folder


def _together(files: Sequence[Path], folder: Path) -> Path:
    folder.mkdir(parents=True)
    for path in files:
        link(path, folder / path.name)
    return folder


def link(path: Path, name: Path) -> None:
    """Give a file a second name; the upload itself stays as it came."""
    try:
        os.link(path, name)
    except OSError:
        shutil.copyfile(path, name)


def _series_name(given: Sequence[str]) -> str:
    """A name for a study of several files: the folder that all were in, or the archive."""
    folders = {tuple(parts_of(one)[:-1]) for one in given}
    if len(given) == 1 and given[0].lower().endswith(ARCHIVE):
        return safe_name(given[0][: -len(ARCHIVE)], "study")
    top = {parts[0] for parts in folders if parts}
    return safe_name(top.pop(), "study") if len(top) == 1 and () not in folders else "study"


def _is_dicom(path: Path) -> bool:
    if _has(path, DICOM):
        return True
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _has(path: Path, endings: Sequence[str]) -> bool:
    return path.name.lower().endswith(tuple(endings))
