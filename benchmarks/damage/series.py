"""DICOM series with slices that are missing, doubled, moved, mixed up or broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from pydicom import Dataset

from damage.dicom_objects import ROOT, changed, file_name
from damage.lies_dicom import SLICE
from damage.study import Damaged, Expected, Study
from damage.volumes import SHAPE

NO_COUNT = "a series does not say how many slices it has"
SLICES = SHAPE[0]
Harm = Callable[[Study, np.random.Generator], Damaged]


def lying_slice(study: Study, rng: np.random.Generator) -> Damaged:
    """One slice of the series lies."""
    name = file_name(int(rng.integers(SLICES)))
    lie = SLICE[int(rng.integers(len(SLICE)))]
    after = study.with_file(lie.tell(study.content(name)), name)
    return Damaged(after, "lying header", f"{name}: {lie.says}", lie.expected, lie.reason)


def lying_series(study: Study, rng: np.random.Generator) -> Damaged:
    """All slices tell the same lie."""
    lie = SLICE[int(rng.integers(len(SLICE)))]
    files = {name: lie.tell(study.content(name)) for name in study.files}
    after = replace(study, files=files)
    return Damaged(after, "lying header", f"all slices: {lie.says}", lie.expected, lie.reason)


def missing(study: Study, rng: np.random.Generator) -> Damaged:
    """One slice, or two side by side, are gone."""
    first = int(rng.integers(SLICES))
    gone = {first, min(SLICES - 1, first + int(rng.integers(2)))}
    after = _without(study, gone)
    where = f"slice {sorted(gone)} of 0 to {SLICES - 1}"
    if 0 in gone or SLICES - 1 in gone:
        return Damaged(after, "slices missing", where, Expected.UNKNOWABLE, NO_COUNT)
    return Damaged(after, "slices missing", where, Expected.REFUSED)


def doubled(study: Study, rng: np.random.Generator) -> Damaged:
    """A copy of a slice lies in the folder, with the same or another instance number."""
    d = int(rng.integers(SLICES))
    content = study.content(file_name(d))
    if rng.random() < 0.5:
        content = changed(content, lambda made: _renamed(made, 99))
    after = replace(study, files={**study.files, "copy.dcm": content})
    return Damaged(after, "slice doubled", f"slice {d} twice", Expected.REFUSED)


def mixed(study: Study, rng: np.random.Generator) -> Damaged:
    """Some slices belong to another series, as when two were exported into one folder."""
    other = {d for d in range(SLICES) if rng.random() < 0.5} or {0}
    other -= {int(rng.integers(SLICES))} if len(other) == SLICES else set()
    after = study
    for d in other:
        name = file_name(d)
        after = after.with_file(
            changed(
                study.content(name), lambda made: setattr(made, "SeriesInstanceUID", f"{ROOT}77")
            ),
            name,
        )
    return Damaged(after, "series mixed", f"slices {sorted(other)}", Expected.REFUSED)


def displaced(study: Study, rng: np.random.Generator) -> Damaged:
    """A slice lies elsewhere: nearer to its neighbour, to the side, or turned."""
    d = int(rng.integers(1, SLICES - 1))
    ways: dict[str, Callable[[Dataset], object]] = {
        "0.7 mm higher": lambda made: _shift(made, 2, 0.7),
        "3 mm to the left": lambda made: _shift(made, 0, 3),
        "1 m away": lambda made: _shift(made, 2, 1000),
        "turned by 90 degrees": lambda made: setattr(
            made, "ImageOrientationPatient", [0, 1, 0, 0, 0, 1]
        ),
        "its pixels twice as large": lambda made: setattr(made, "PixelSpacing", [1.5, 3]),
    }
    way = str(rng.choice(list(ways)))
    name = file_name(d)
    after = study.with_file(changed(study.content(name), ways[way]), name)
    return Damaged(after, "slice displaced", f"slice {d} {way}", Expected.REFUSED)


def of_another_kind(study: Study, rng: np.random.Generator) -> Damaged:
    """A slice of another size, or with its grey turned round."""
    d = int(rng.integers(SLICES))
    ways: dict[str, Callable[[Dataset], object]] = {
        "half as many rows": lambda made: _halved(made),
        "MONOCHROME1": lambda made: setattr(made, "PhotometricInterpretation", "MONOCHROME1"),
        "two frames": lambda made: setattr(made, "NumberOfFrames", 2),
    }
    way = str(rng.choice(list(ways)))
    name = file_name(d)
    after = study.with_file(changed(study.content(name), ways[way]), name)
    return Damaged(after, "slice of another kind", f"slice {d}: {way}", Expected.REFUSED)


def exchanged(study: Study, rng: np.random.Generator) -> Damaged:
    """Names and instance numbers in another order, which must not matter."""
    order = rng.permutation(SLICES).tolist()
    files = {
        file_name(place): changed(
            study.content(file_name(d)), lambda made, n=place: setattr(made, "InstanceNumber", n)
        )
        for place, d in enumerate(order)
    }
    where = f"names and numbers in the order {order}"
    return Damaged(replace(study, files=files), "order lost", where, Expected.READ)


def accompanied(study: Study, rng: np.random.Generator) -> Damaged:
    """Other files lie in the folder, which must not matter or be named."""
    companions = {
        "notes.txt": (b"seen", Expected.READ),
        ".DS_Store": (b"\0\0\0\1Bud1", Expected.READ),
        "DICOMDIR": (b"index", Expected.READ),
        "extra.dcm": (b"not DICOM", Expected.REFUSED),
        "empty.dcm": (b"", Expected.REFUSED),
    }
    name = str(rng.choice(list(companions)))
    content, expected = companions[name]
    after = replace(study, files={**study.files, name: content})
    return Damaged(after, "other files in the folder", name, expected)


SERIES_HARMS: tuple[Harm, ...] = (
    lying_slice,
    lying_series,
    missing,
    doubled,
    mixed,
    displaced,
    of_another_kind,
    exchanged,
    accompanied,
)


def _without(study: Study, gone: set[int]) -> Study:
    names = {file_name(d) for d in gone}
    return replace(study, files={n: c for n, c in study.files.items() if n not in names})


def _renamed(made: Dataset, number: int) -> None:
    made.InstanceNumber, made.SOPInstanceUID = number, f"{ROOT}9.{number}"
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID


def _shift(made: Dataset, axis: int, mm: float) -> None:
    position = [float(x) for x in made.ImagePositionPatient]
    position[axis] += mm
    made.ImagePositionPatient = position


def _halved(made: Dataset) -> None:
    made.Rows //= 2
    made.PixelData = made.PixelData[: len(made.PixelData) // 2]
