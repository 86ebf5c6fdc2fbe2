"""Memory of predicting a volume: the most bytes a voxel that the whole command holds at once.

    python benchmarks/volume_memory.py [--shape 100 256 256] [--members 4] [--model MODEL]

A synthetic CT of this shape is written as NIfTI, and predicted and written by the engine as
`medsegdiff predict` does. Without `--model`, brightness alone tells three classes apart in place of
a network, so that what is measured is the program's own. The image of half as many rows comes
first: what does not grow with the volume (the program itself, the network's work on a window)
cancels out. Linux only.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from math import prod
from pathlib import Path

import nibabel
import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from medsegdiff.data import LabelMap, Preparation
from medsegdiff.data.transforms.normalise import Normalise
from medsegdiff.data.transforms.tiles import Tiles
from medsegdiff.engine.config import ModelConfig, PredictConfig
from medsegdiff.engine.folder_prediction import predict_folder
from medsegdiff.engine.outputs import Extras
from medsegdiff.engine.settings import with_predict
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.models import Condition, SegmentationNetwork

CENTRES = (-1.9, -0.5, 1.5)  # prepared intensities of background, organ and tumour


class Nearest(SegmentationNetwork):
    """Logits by the distance of the intensity from each class, with a little of the noise."""

    def condition(self, image: Float[Tensor, "B C *S"]) -> Condition:
        return Condition((image,))

    def denoise(
        self, x_t: Float[Tensor, "B K *S"], t: Int[Tensor, " B"], condition: Condition
    ) -> Float[Tensor, "B K *S"]:
        image = condition.features[0].mean(dim=1, keepdim=True)
        apart = [-((image - centre) ** 2) for centre in CENTRES]
        return 8 * torch.cat(apart, dim=1) + 0.1 * x_t


def stand_in(window: tuple[int, ...], channels: tuple[str, ...] = ("CT",)) -> TrainedModel:
    """A model of three classes that sees windows, and costs next to nothing."""
    figures = {"lower": 0.0, "upper": 255.0, "mean": 127.5, "deviation": 64.0}
    intensity = {name: (value,) * len(channels) for name, value in figures.items()}
    config = ModelConfig(
        preparation=Preparation(grid=Tiles(size=window), intensity=Normalise(**intensity)),
        labels=LabelMap(names=("background", "organ", "tumour"), values=(0, 1, 2)),
        channel_names=channels,
        temperature=1.5,
    )
    device = torch.device("cpu")
    return TrainedModel("stand-in", config, PredictConfig(), (Nearest(),), "none", device)


def written(folder: Path, shape: tuple[int, ...]) -> Path:
    """A CT of a ball within a ball, voxels of 1 mm, two of its axes against the network's."""
    folder.mkdir()
    z, y, x = np.ogrid[tuple(slice(-1, 1, n * 1j) for n in shape)]
    distance = z**2 + y**2 + x**2
    inside = (distance < 0.5).astype(np.int16) * 90 + (distance < 0.1).astype(np.int16) * 130
    inside += np.random.default_rng(0).integers(0, 20, shape, dtype=np.int16)
    nibabel.save(nibabel.Nifti1Image(inside.T, np.eye(4)), folder / "ct.nii.gz")
    return folder


def peak_bytes(images: Path, out: Path, model: TrainedModel, config: PredictConfig) -> int:
    """The most memory that was resident while a folder was predicted and written."""
    Path(f"/proc/{os.getpid()}/clear_refs").write_text("5")  # proc(5): measure the peak anew
    for result in predict_folder(images, out, model, config, extras=Extras()):
        if result.error is not None:
            raise result.error
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(one.split()[1]) * 1024 for one in lines if one.startswith("VmHWM:"))


def main() -> None:
    """Predict both volumes and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(100, 256, 256), help="D H W")
    parser.add_argument("--window", type=int, nargs=3, default=(16, 64, 64), help="D H W")
    parser.add_argument("--members", type=int, default=4)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--overlap", type=float, default=0.25)
    parser.add_argument("--model", help="a trained one")
    args = parser.parse_args()
    model = TrainedModel.load(args.model, "cpu") if args.model else stand_in(tuple(args.window))
    config = with_predict(
        model.predict, members=args.members, steps=args.steps, overlap=args.overlap
    )
    depth, rows, columns = args.shape
    shapes = [(depth, max(1, rows // part), columns) for part in (8, 2, 1)]  # first: to warm up
    with tempfile.TemporaryDirectory() as folder:
        place, peaks = Path(folder), []
        for shape in shapes:
            name = str(shape[1])
            images = written(place / name, shape)
            begun = time.perf_counter()
            peaks.append(peak_bytes(images, place / f"{name}_out", model, config))
            seconds = time.perf_counter() - begun
    a_voxel = (peaks[2] - peaks[1]) / (prod(shapes[2]) - prod(shapes[1]))
    print(
        f"{columns} x {rows} x {depth}, {args.members} members: {peaks[2] / 1e9:.2f} GB at most, "
        f"{seconds:.0f} s, {a_voxel:.1f} bytes a voxel"
    )


if __name__ == "__main__":
    main()
