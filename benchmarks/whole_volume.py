"""Time and memory of `medsegdiff predict` on a large volume, over all of its processes.

    python benchmarks/whole_volume.py [--shape 400 512 512] [--spacing 0.1] [--members 4]
                                      [--model hippocampus]

A synthetic MRI (smooth random fields and noise, int16) is written as NIfTI and given to the command
line. Voxels of 0.1 mm keep the network's own grid of 1 mm small, so that what is measured is the
path around it: reading, resampling, and four members, probabilities and maps on the scan's whole
grid. With `--spacing 1` the network looks at every part of the volume, in some 8500 windows: hours
on a core.
Memory is the sum of the proportional set sizes of the command and its children. Linux only.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from math import prod
from pathlib import Path

import nibabel
import numpy as np
from scipy.ndimage import zoom

EVERY = 0.2  # seconds between two looks at the memory, which hold the command up
CELLS = 16  # voxels between the knots of the random field
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


def family(parent: int) -> Iterator[int]:
    """A process and all that it has started."""
    yield parent
    try:
        tasks = list(Path(f"/proc/{parent}/task").iterdir())
        children = [one for task in tasks for one in (task / "children").read_text().split()]
    except OSError:  # it has ended
        return
    for child in children:
        yield from family(int(child))


def proportional_bytes(process: int) -> int:
    """Memory of a process; what it shares with others counts in part."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(one.split()[1]) * 1024 for one in lines if one.startswith("Pss:")), 0)


def watched(command: list[str]) -> tuple[float, int]:
    """Run a command; its seconds, and the most memory of it and its children together."""
    begun, most = time.perf_counter(), 0
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            most = max(most, sum(map(proportional_bytes, family(process.pid))))
            time.sleep(EVERY)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}.")
    return time.perf_counter() - begun, most


def main() -> None:
    """Predict one volume and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(400, 512, 512), help="D H W")
    parser.add_argument("--spacing", type=float, default=0.1, help="of its voxels, in mm")
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--model", default="hippocampus")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        image = written(Path(folder, "scan.nii.gz"), tuple(args.shape), args.spacing)
        places = ["-i", str(image), "-o", str(Path(folder, "out")), "-m", args.model]
        command = [sys.executable, "-m", "medsegdiff", "predict", *places, *WANTED]
        seconds, most = watched([*command, "--members", str(args.members)])
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    depth, rows, columns = args.shape
    print(
        f"{columns} x {rows} x {depth} voxels of {args.spacing:g} mm, {args.members} members: "
        f"{most / 1e9:.2f} GB at most, {most / prod(args.shape):.1f} bytes a voxel, "
        f"{seconds:.0f} s, {used.ru_utime + used.ru_stime:.0f} s of them at work"
    )


if __name__ == "__main__":
    main()
