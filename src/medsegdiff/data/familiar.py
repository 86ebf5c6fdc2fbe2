"""Is an image like those a model was trained on? Brightness, contrast, range, texture, colour."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from medsegdiff.component import Config
from medsegdiff.data.dataset import Dataset
from medsegdiff.data.preparation import PIXELS_MEASURED, measured_studies
from medsegdiff.data.sampling import every_nth
from medsegdiff.data.transforms.normalise import Normalise

Range = tuple[float, float]
FEWEST_STUDIES = 5  # to speak of a range at all
# Measured on nine sets of images: at this margin none of 228 validation images was doubted and 5 of
# 442 test images, but all ultrasound images were by a model of skin. Few studies do not show the
# whole range.
MARGIN, FEW = 0.25, 20
# Nobody sees a tenth of a deviation, or of a ratio. Images that are each brought to mean 0 and
# deviation 1 by themselves, as those of MRI are, have ranges of which a share would be less.
LEAST = 0.1
# Below these, differences are noise.
FLOOR = {"contrast": 0.05, "clipped": 0.03, "texture": 0.01, "colour": 0.005}
COARSE = 64  # texture is seen on as many voxels a side, so that it is not one of the camera's
WORDS = {
    "brightness": ("darker", "brighter"),
    "contrast": ("with less contrast", "with more contrast"),
    "clipped": ("with fewer extreme intensities", "with more extreme intensities"),
    "texture": ("smoother", "grainier"),
    "colour": ("less colourful", "more colourful"),
}


class Familiar(Config):
    """The range of some figures over the training images.

    Args:
        studies: how many were measured.
        brightness: lowest and highest mean of each channel, as prepared (0 is the mean of all).
        contrast: the same of the logarithm of the deviation.
        clipped: the same of the logarithm of the share of pixels beyond the range that is kept.
        texture: the same of the logarithm of the difference between neighbours of a coarse grid, as
            a share of what it is in noise; None in weights from before it was measured.
        colour: the same of the logarithm of the mean difference between the channels, as a share
            of the range; None for a single channel.
    """

    studies: int
    brightness: tuple[Range, ...]
    contrast: tuple[Range, ...]
    clipped: tuple[Range, ...]
    texture: tuple[Range, ...] | None = None
    colour: Range | None = None

    @classmethod
    def fit(cls, dataset: Dataset, studies: Sequence[str], intensity: Normalise) -> Familiar | None:
        """Measure the training images; None where they are too few.

        Args:
            dataset: where they are.
            studies: their names; a few hundred of them stand for all.
            intensity: how they are prepared.

        Raises:
            DataError: one cannot be read.
        """
        chosen = measured_studies(studies)
        if len(chosen) < FEWEST_STUDIES:
            return None
        each = [figures(dataset.load(study).image, intensity) for study in chosen]
        ranges = {name: _ranges(torch.stack([one[name] for one in each])) for name in each[0]}
        colour = ranges.pop("colour", (None,))[0]
        return cls.model_validate({"studies": len(chosen), "colour": colour, **ranges})

    def doubts(
        self, image: Float[Tensor, "C *S"], intensity: Normalise, channels: Sequence[str]
    ) -> list[str]:
        """In which ways an image lies outside of the ranges by a margin, in plain words.

        Args:
            image: stored intensities.
            intensity: how the training images were prepared.
            channels: what each channel shows.
        """
        found = []
        for name, values in figures(image, intensity).items():
            ranges = (self.colour,) if name == "colour" else getattr(self, name)
            if ranges is None:
                continue
            sides = [self._side(*one) for one in zip(values.tolist(), ranges, strict=True)]
            for side, words in zip((-1, 1), WORDS[name], strict=True):
                where = [i for i, one in enumerate(sides) if one == side]
                if where:
                    found.append(words + _spelt(where, channels, len(values)))
        return found

    def _side(self, value: float, known: Range | None) -> int:
        """-1 below a range, 1 above it, 0 within or where it is not known."""
        if known is None:
            return 0
        low, high = known
        margin = max(LEAST, MARGIN * (1 + FEW / self.studies) * (high - low))
        return int(value > high + margin) - int(value < low - margin)


def figures(
    image: Float[Tensor, "C *S"], intensity: Normalise
) -> dict[str, Float[Tensor, "figures"]]:
    """Figures of an image by name, one for each channel; of the colour one for all."""
    pixels = every_nth(image, PIXELS_MEASURED).double()  # (C, n)
    intensity = intensity.for_study(image)
    prepared = intensity.apply(pixels[None], {})[0]
    lower, upper = (torch.tensor(one).to(pixels) for one in (intensity.lower, intensity.upper))
    beyond = (pixels < lower[:, None]) | (pixels > upper[:, None])
    found = {
        "brightness": prepared.mean(dim=1),
        "contrast": _log(prepared.std(dim=1, correction=0), "contrast"),
        "clipped": _log(beyond.double().mean(dim=1), "clipped"),
        "texture": _log(_texture(image), "texture"),
    }
    if len(pixels) > 1:
        difference = (pixels.amax(dim=0) - pixels.amin(dim=0)).mean()
        span = (upper.max() - lower.min()).clamp(min=1e-6)
        found["colour"] = _log((difference / span)[None], "colour")
    return found


def _texture(image: Float[Tensor, "C *S"]) -> Float[Tensor, "C"]:
    """Root mean square difference of neighbours, 1 in white noise and 0 where nothing changes."""
    size = [min(COARSE, side) for side in image.shape[1:]]
    coarse = F.interpolate(image[None].float(), size=size, mode="area")[0].double()
    steps = [coarse.diff(dim=axis).square().flatten(1) for axis in range(1, coarse.ndim)]
    variance = coarse.flatten(1).var(dim=1, correction=0)  # (C,); its double is that of noise
    return (torch.cat(steps, dim=1).mean(dim=1) / (2 * variance).clamp(min=1e-12)).sqrt()


def _log(values: Tensor, name: str) -> Tensor:
    """Ratios count, and what is nearly nothing counts as a little."""
    return (values + FLOOR[name]).log()


def _ranges(values: Float[Tensor, "n figures"]) -> tuple[Range, ...]:
    lowest, highest = values.amin(dim=0).tolist(), values.amax(dim=0).tolist()
    return tuple(zip(lowest, highest, strict=True))


def _spelt(where: Sequence[int], channels: Sequence[str], count: int) -> str:
    if count == len(where):
        return ""
    return f" in {' and '.join(channels[i] for i in where)}"
