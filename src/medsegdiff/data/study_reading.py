"""Reading the files of one study: its channels onto one grid, and masks that must lie on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from medsegdiff.data.formats import Header, Scan, StoredMask
from medsegdiff.data.geometry import same_grid
from medsegdiff.data.memory import default_budget
from medsegdiff.data.reader import read_header, read_image, read_mask
from medsegdiff.data.study_files import StudyFiles
from medsegdiff.errors import GridMismatch, MedSegDiffError
from medsegdiff.types import Geometry

MASKS_LOOKED_AT = 512  # enough to recognise the label values of any set; `verify` reads all
VOXELS_LOOKED_AT = 2**27  # of volumes, likewise: 15 of 240 x 240 x 155


def read_study_header(files: StudyFiles, budget_bytes: int | None) -> Header:
    """What a study's image files declare, without decoding them: the first's grid, all channels.

    Args:
        files: of the study.
        budget_bytes: the most memory that its channels may take; None for what suits this machine.

    Raises:
        UnreadableStudy: a file is missing or not what its name says.
        ResourceError: the study is larger than the budget.
    """
    budget = _budget(files.images, budget_bytes)
    first, *others = (read_header(path, budget) for path in files.images)
    channels = first.channels + sum(header.channels for header in others)
    return Header(first.geometry, channels, first.bits)


def header_or_none(files: StudyFiles, budget_bytes: int | None) -> Header | None:
    """The same; None for a study that cannot be read, which is named when it is loaded."""
    try:
        return read_study_header(files, budget_bytes)
    except MedSegDiffError:
        return None


def read_scan(files: StudyFiles, budget_bytes: int | None) -> Scan:
    """Read the channels of a study, all of them on the grid of the first.

    Args:
        files: of the study.
        budget_bytes: the most memory that its channels may take; None for what suits this machine.

    Raises:
        UnreadableStudy: a file is damaged.
        ResourceError: the study is larger than the budget.
        GridMismatch: the files are not on one grid; says by how much.
    """
    budget = _budget(files.images, budget_bytes)
    first, *others = (read_image(path, budget) for path in files.images)
    for path, other in zip(files.images[1:], others, strict=True):
        difference = same_grid(first.geometry, other.geometry)
        if difference is not None:
            raise GridMismatch(
                f"The channels {files.images[0]} and {path} are not on one grid: {difference}. "
                "Resample them onto one grid."
            )
    if not others:
        return first
    image = torch.cat([first.image, *(other.image for other in others)])
    return Scan(image, first.geometry, first.modality)


def read_stored_mask(
    path: Path, files: StudyFiles, grid: Geometry | None, budget_bytes: int | None
) -> StoredMask:
    """Read the values of one of a study's masks.

    Args:
        path: of the mask.
        files: of the study.
        grid: of its image; None where that cannot be read.
        budget_bytes: as for the image.

    Raises:
        UnreadableStudy: the file is damaged or no mask.
        ResourceError: it is larger than the budget.
    """
    return read_mask(path, budget_bytes or default_budget(files.images[0]), like=grid)


def some_raw_masks(
    drawn: Sequence[tuple[StudyFiles, Path]], budget_bytes: int | None
) -> Iterator[np.ndarray]:
    """Yield the stored values of some masks, evenly spread; enough to recognise the classes.

    An unreadable one is left out, and named when its study is loaded.

    Args:
        drawn: masks with the files of their studies.
        budget_bytes: as for an image.
    """
    voxels = 0
    for files, path in drawn[:: -(-len(drawn) // MASKS_LOOKED_AT)]:
        header = header_or_none(files, budget_bytes)
        try:
            stored = read_stored_mask(path, files, header and header.geometry, budget_bytes)
        except MedSegDiffError:
            continue
        yield stored.values
        voxels += stored.values.size if stored.geometry.space_dims > 2 else 0
        if voxels > VOXELS_LOOKED_AT:
            return


def check_mask_grid(mask: Path, drawn: Geometry, image: Path, grid: Geometry) -> None:
    """Refuse a mask that is not on the grid of its image.

    Args:
        mask: its file.
        drawn: its grid.
        image: the file of its image.
        grid: the grid of the image.

    Raises:
        GridMismatch: says by how much.
    """
    if drawn.space_dims == grid.space_dims == 2:
        if drawn.shape == grid.shape:
            return
        mine, other = (f"{one.shape[1]} x {one.shape[0]}" for one in (drawn, grid))
        raise GridMismatch(
            f"The mask {mask} is {mine} pixels but its image {image} is {other}. Save the "
            "mask at the size of the image (nearest neighbour), or pair it with the image it "
            "was drawn on."
        )
    difference = same_grid(grid, drawn)
    if difference is not None:
        raise GridMismatch(
            f"The mask {mask} is not on the grid of its image {image}: {difference}. Resample the "
            "mask onto the image (nearest neighbour), or pair it with the image it was drawn on."
        )


def plain_files(path: Path) -> list[Path]:
    """The file itself, or those of a folder that counts as one (a DICOM series)."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.iterdir() if file.is_file() and file.name[0] != ".")


def _budget(images: Sequence[Path], budget_bytes: int | None) -> int:
    """The most bytes that each of a study's files may take."""
    return (budget_bytes or default_budget(images[0])) // len(images)
