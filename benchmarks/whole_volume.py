"""Time and memory of `medsegdiff predict` on a large volume, over all of its processes.

    python benchmarks/whole_volume.py [--shape 400 512 512] [--spacing 0.3] [--members 4]
                                      [--model hippocampus] [-o whole_volume.json]

A synthetic MRI (smooth random fields and noise, int16) is written as NIfTI and given to the command
line. Voxels of 0.3 mm make 525 windows of the network's own grid of 1 mm, so that the ensemble
over windows is measured as well as the path around it: reading, resampling, and four members,
probabilities and maps on the scan's whole grid. With `--spacing 1` they are some 8500: hours on a
core. Ends with code 1 where the processes take more than 6 GB. Linux only.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from math import prod
from pathlib import Path

import nibabel
import numpy as np
from command_memory import PROGRAM, watched
from result_file import keep
from scipy.ndimage import zoom

CELLS = 16  # voxels between the knots of the random field
MOST_GB = 6.0  # of all processes at once
WANTED = ("--save-probabilities", "--save-uncertainty", "--save-members", "--preview")


def written(path: Path, shape: tuple[int, ...], spacing_mm: float) -> Path:
    """A volume of random fields, (D, H, W)."""
    random = np.random.default_rng(0)
    knots = random.normal(size=[-(-n // CELLS) + 1 for n in shape]).astype(np.float32)
    values = np.empty(shape, np.int16)
    rows = -(-len(values) // CELLS)
    for row in range(rows):  # a slab at a time: this script's own memory is none of the command's
        slab = zoom(knots[row : row + 2], (CELLS, CELLS, CELLS), order=1)[:CELLS]
        part = values[row * CELLS : (row + 1) * CELLS]
        smooth = slab[: len(part), : shape[1], : shape[2]]
        part[:] = 1000 + 300 * smooth + random.normal(0, 40, part.shape)
    affine = np.diag([spacing_mm] * 3 + [1])
    nibabel.save(nibabel.Nifti1Image(values.T, affine), path)
    return path


def main() -> int:
    """Predict one volume; 1 if that took too much memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(400, 512, 512), help="D H W")
    parser.add_argument("--spacing", type=float, default=0.3, help="of its voxels, in mm")
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--model", default="hippocampus")
    parser.add_argument("-o", "--output", type=Path)
    args = parser.parse_args()
    words = ["-m", args.model, "--members", str(args.members), *WANTED]
    with tempfile.TemporaryDirectory() as folder:
        image = written(Path(folder, "scan.nii.gz"), tuple(args.shape), args.spacing)
        places = ["-i", str(image), "-o", str(Path(folder, "out"))]
        seconds, most = watched([*PROGRAM, "predict", *places, *words])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    shape = " ".join(map(str, args.shape))
    own = f"--shape {shape} --spacing {args.spacing:g} --members {args.members}"
    figures = {
        "voxels": list(args.shape),
        "spacing_mm": args.spacing,
        "command_measured": f"medsegdiff predict -i SCAN -o OUT {' '.join(words)}",
        "most_gb": round(most / 1e9, 3),
        "bytes_a_voxel": round(most / prod(args.shape), 1),
        "seconds": round(seconds),
        "seconds_at_work": round(used.ru_utime + used.ru_stime),
    }
    command = f"python benchmarks/whole_volume.py {own} --model {args.model}"
    keep(args.output, command, figures)
    return int(figures["most_gb"] > MOST_GB)


if __name__ == "__main__":
    sys.exit(main())
