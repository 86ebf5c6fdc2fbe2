"""What holds for every format of outlines: they have no grid, and only masks are made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medsegdiff.data.formats.format import Format, Header, Scan
from medsegdiff.errors import DataError


class OutlineFormat(Format):
    """A format of outlines: a member fills them on the grid of the image they were drawn on."""

    def read_header(self, path: Path, budget_bytes: int) -> Header:
        raise without_grid(path)

    def read_image(self, path: Path, budget_bytes: int) -> Scan:
        raise without_grid(path)

    def write(self, path: Path, values: np.ndarray, source: Path | None) -> None:
        raise DataError(
            f"{path}: outlines are read but not written. Write the mask of a picture as PNG, that "
            "of a volume as NIfTI (.nii.gz)."
        )


def without_grid(path: Path) -> DataError:
    """What to say where outlines are to be read alone."""
    return DataError(
        f"{path} holds outlines, which are no image and have no grid of their own. Read them "
        "together with the image or the series that they were drawn on."
    )
