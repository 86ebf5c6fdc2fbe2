"""DICOM SEG as other programs read it: are its voxels those of the NIfTI mask?

    python benchmarks/dicom_seg.py SERIES [SERIES ...] [--model hippocampus] [-o dicom_seg.json]

Predicts each series with `medsegdiff predict` and lays its DICOM SEG onto the grid of its NIfTI
mask in two ways: highdicom's volume by its affine, and, as dcmqi does, frame by frame by
ImagePositionPatient and ImageOrientationPatient. Exit code 1 if a voxel differs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import highdicom
import nibabel
import numpy as np
import pydicom
from command_memory import PROGRAM
from result_file import keep

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
NEAR = 0.01  # of a voxel: rounding of the text in which positions are stored


def lay(values: np.ndarray, affine: np.ndarray, onto: np.ndarray, grid: np.ndarray) -> None:
    """Put what is not background where it belongs.

    Args:
        values: segment numbers of a block of voxels, three axes.
        affine: from its index to LPS, mm.
        onto: numbers to write into, as a NIfTI file has them.
        grid: from their index to RAS, mm.
    """
    index = np.argwhere(values > 0)
    places = np.linalg.inv(grid) @ LPS_TO_RAS @ affine @ np.insert(index, 3, 1, axis=1).T
    whole = np.rint(places[:3]).astype(int)
    assert np.abs(places[:3] - whole).max(initial=0) < NEAR, "between the voxels"
    onto[tuple(whole)] = values[values > 0]


def by_highdicom(path: Path, mask: Any) -> np.ndarray:
    """The segment numbers that highdicom reads, on the grid of a NIfTI mask."""
    volume = highdicom.seg.segread(path).get_volume(combine_segments=True)
    found = np.zeros(mask.shape, int)
    lay(volume.array, volume.affine, found, mask.affine)
    return found


def by_frames(path: Path, mask: Any) -> np.ndarray:
    """The same, each frame by what it says of itself: dcmqi's rule."""
    told = pydicom.dcmread(path)
    shared, found = told.SharedFunctionalGroupsSequence[0], np.zeros(mask.shape, int)
    orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    along_row, along_column = np.reshape(np.array(orientation, float), (2, 3))
    down, across = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    frames = told.pixel_array.reshape(-1, told.Rows, told.Columns)
    for one, pixels in zip(told.PerFrameFunctionalGroupsSequence, frames, strict=True):
        affine = np.eye(4)
        affine[:3, 1], affine[:3, 2] = along_column * down, along_row * across
        affine[:3, 3] = one.PlanePositionSequence[0].ImagePositionPatient
        number = one.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        lay((pixels[None] > 0) * number, affine, found, mask.affine)
    return found


def compared(series: Path, model: str, out: Path) -> dict[str, Any]:
    """Predict a series, and compare what both ways of reading its DICOM SEG give."""
    words = ["predict", "-i", str(series), "-o", str(out), "-m", model]
    subprocess.run([*PROGRAM, *words], check=True)
    (file,) = sorted(out.glob("*.nii.gz"))
    mask = nibabel.Nifti1Image.from_filename(file)
    values, path = np.asarray(mask.dataobj).astype(int), next((out / "dicom_seg").iterdir())
    segments = pydicom.dcmread(path).SegmentSequence
    kinds = [one.SegmentedPropertyTypeCodeSequence[0] for one in segments]
    ways = {"highdicom": by_highdicom(path, mask), "dcmqi": by_frames(path, mask)}
    return {
        "voxels": values.size,
        "foreground": int((values > 0).sum()),
        "differing": {name: int((found != values).sum()) for name, found in ways.items()},
        "codes": {
            str(segment.SegmentLabel): f"{kind.CodingSchemeDesignator} {kind.CodeValue}"
            for segment, kind in zip(segments, kinds, strict=True)
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("series", type=Path, nargs="+")
    parser.add_argument("--model", default="hippocampus")
    parser.add_argument("-o", "--output", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = {one.name: compared(one, args.model, Path(folder, one.name)) for one in args.series}
    names = " ".join(one.name for one in args.series)
    command = f"python benchmarks/dicom_seg.py {names} --model {args.model}"
    keep(args.output, command, {"highdicom": highdicom.__version__, "series": found})
    return int(any(any(one["differing"].values()) for one in found.values()))


if __name__ == "__main__":
    sys.exit(main())
