"""What a data set looks like in figures, and a hash that tells whether it has changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from statistics import median

import torch

from medsegdiff.component import Config
from medsegdiff.data.dataset import Dataset
from medsegdiff.data.preparation import PIXELS_MEASURED
from medsegdiff.data.sampling import every_nth
from medsegdiff.types import IGNORED

PERCENTILES = (0.0, 0.5, 50.0, 99.5, 100.0)


class DatasetFingerprint(Config):
    """Sizes, intensities and classes of some studies of a data set.

    Args:
        studies: how many.
        median_shape: of their grids, (H, W).
        shapes: how many studies have each grid, as "H x W".
        channel_names: what the image channels show.
        percentiles: of each channel's intensities, at 0, 0.5, 50, 99.5 and 100 %.
        class_shares: share of all voxels that each class takes, by name; empty without masks.
        sha256: over the names and file contents of the studies.
    """

    studies: int
    median_shape: tuple[float, ...]
    shapes: dict[str, int]
    channel_names: tuple[str, ...]
    percentiles: tuple[tuple[float, ...], ...]
    class_shares: dict[str, float]
    sha256: str

    @classmethod
    def of(cls, dataset: Dataset, studies: Sequence[str]) -> DatasetFingerprint:
        """Measure studies; all of them are read.

        Raises:
            DataError: one cannot be read.
        """
        shapes, pixels = [], []
        label_map = dataset.label_map
        names = label_map.names if label_map else ()
        voxels = torch.zeros(len(names), dtype=torch.int64)
        for study in studies:
            sample = dataset.load(study)
            shapes.append(sample.geometry.shape)
            pixels.append(every_nth(sample.image, PIXELS_MEASURED // 16))
            if sample.labels is not None:
                known = sample.labels[sample.labels != IGNORED]
                voxels += known.bincount(minlength=len(names))
        shares = (voxels / voxels.sum().clamp_min(1)).tolist()
        counted = Counter(" x ".join(map(str, shape)) for shape in sorted(shapes))
        return cls(
            studies=len(shapes),
            median_shape=tuple(float(median(sides)) for sides in zip(*shapes, strict=True)),
            shapes=dict(counted.most_common(50)),
            channel_names=dataset.channel_names,
            percentiles=percentiles(torch.cat(pixels, dim=1)),
            class_shares=dict(zip(names, shares, strict=True)),
            sha256=manifest_hash(dataset, studies),
        )


def percentiles(intensities: torch.Tensor) -> tuple[tuple[float, ...], ...]:
    """`PERCENTILES` of each channel, intensities of shape (C, n)."""
    ordered = intensities.sort(dim=1).values
    places = [round(share / 100 * (ordered.shape[1] - 1)) for share in PERCENTILES]
    return tuple(tuple(channel[places].tolist()) for channel in ordered)


def manifest_hash(dataset: Dataset, studies: Sequence[str]) -> str:
    """Hash the studies' names and the contents of their files, in any order, to 64 hex digits."""
    manifest = sha256()
    for study in sorted(studies):
        manifest.update(f"{study}\n".encode())
        for path in dataset.files(study):
            manifest.update(sha256(path.read_bytes()).digest())
    return manifest.hexdigest()
