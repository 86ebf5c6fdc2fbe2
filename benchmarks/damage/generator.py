"""The damaged study of a seed and a number: the same on every machine, one line to describe it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from damage import lies_dicom, lies_nifti, lies_picture, lies_text
from damage.bombs import BOMBS, bomb
from damage.harm import HARMS
from damage.odd import ODD, odd
from damage.series import SERIES_HARMS
from damage.sound import MAKERS, sound
from damage.study import Damaged, Lie, Study

LIES: dict[str, Sequence[Lie]] = {
    "png": lies_picture.PNG,
    "jpg": lies_picture.JPEG,
    "bmp": lies_picture.BMP,
    "tif": lies_picture.PLAIN_TIFF,
    "tif (deflate)": lies_picture.DEFLATED_TIFF,
    "nii": lies_nifti.LIES,
    "nii.gz": lies_nifti.GZIP_LIES,
    "nrrd": lies_text.NRRD_RAW,
    "nrrd (gzip)": lies_text.NRRD_GZIP,
    "mha": lies_text.MHA_RAW,
    "mha (zlib)": lies_text.MHA_ZLIB,
    "mhd + raw": lies_text.MHD,
    "dicom multi-frame": lies_dicom.MULTI_FRAME,
}
PLACES = len(MAKERS) + 1  # every format, and the unusual files


def damaged(seed: int, number: int) -> Damaged:
    """Make the study of a seed and a number, in memory.

    Formats take turns. Within a format, harm to the bytes takes turns with lies (for series, with
    harm to the series): the lies and bombs of a format come one after the other, each once, in an
    order that the seed shuffles; the place of the harm is drawn at random.
    """
    turn, place = divmod(number, PLACES)
    rng = np.random.default_rng([seed, number])
    if place == len(MAKERS):
        return odd(turn) if turn < len(ODD) else _harmed(sound(str(rng.choice(list(MAKERS)))), rng)
    study = sound(list(MAKERS)[place])
    if turn % 2 == 0:
        return HARMS[turn // 2 % len(HARMS)](study, rng)
    if study.format not in LIES:
        return SERIES_HARMS[turn // 2 % len(SERIES_HARMS)](study, rng)
    return _lying(study, turn // 2, seed) or _harmed(study, rng)


def _lying(study: Study, number: int, seed: int) -> Damaged | None:
    """A lie or bomb of the format by its number; None when all have been told."""
    lies, bombs = LIES[study.format], BOMBS.get(study.format, ())
    order = np.random.default_rng(seed).permutation(len(lies) + len(bombs))
    if number >= len(order):
        return None
    chosen = int(order[number])
    return lies[chosen].told(study) if chosen < len(lies) else bomb(study, chosen - len(lies))


def _harmed(study: Study, rng: np.random.Generator) -> Damaged:
    return HARMS[int(rng.integers(len(HARMS)))](study, rng)
