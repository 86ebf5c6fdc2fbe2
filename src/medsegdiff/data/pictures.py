"""Pictures for people: outlines on images, and uncertainty as heat."""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float, Int
from PIL import Image
from torch import Tensor

from medsegdiff.data.planes import nearest

CLASS_COLOURS = (  # bright on skin, grey and stained tissue; near Okabe and Ito 2008
    (0, 229, 255),
    (255, 176, 0),
    (255, 64, 190),
    (120, 255, 80),
    (255, 240, 66),
    (255, 94, 40),
    (110, 130, 255),
    (0, 180, 135),
    (255, 180, 180),
    (175, 115, 20),
    (165, 50, 225),
    (205, 50, 80),
    (140, 150, 0),
    (210, 195, 255),
)
TRUTH_COLOUR = (255, 255, 255)
HEAT = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))  # dark to bright


def outline(labels: Int[Tensor, "H W"]) -> np.ndarray:
    """Find the outermost voxels of every structure.

    Returns:
        Bool, shape (H, W): foreground with a neighbour above, below or beside it of another class.
    """
    values = labels.numpy()
    differs = np.zeros(values.shape, dtype=bool)
    vertical, horizontal = values[1:] != values[:-1], values[:, 1:] != values[:, :-1]
    differs[1:] |= vertical
    differs[:-1] |= vertical
    differs[:, 1:] |= horizontal
    differs[:, :-1] |= horizontal
    return differs & (values > 0)


def _widened_outline(labels: Int[Tensor, "H W"], width: int) -> np.ndarray:
    """Outline of several pixels, drawn inwards, so that it covers nothing of the background."""
    rest, found = labels.clone(), np.zeros(labels.shape, dtype=bool)
    for _ in range(width):
        rim = outline(rest)
        found |= rim
        rest[torch.from_numpy(rim)] = 0
    return found


def picture(image: Float[Tensor, "C H W"], side: int | None = None) -> Image.Image:
    """Show an image of any intensities: its 0.5 to 99.5 percentiles from black to white.

    An image of a single intensity is grey, for nothing tells whether that is dark or bright.

    Args:
        image: grey (C = 1) or colour (C = 3); of any other number, the first channel.
        side: the picture's longer side in pixels; None for the image's own.
    """
    shown = image if len(image) in (1, 3) else image[:1]
    values = shown.numpy()
    step = max(1, math.isqrt(values[0].size // 2**16))
    low, high = np.percentile(values[:, ::step, ::step], (0.5, 99.5))
    if values.min() == values.max():
        low, high = low - 1, high + 1
    grey_levels = np.clip((values - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
    drawn = Image.fromarray(np.ascontiguousarray(grey_levels.transpose(1, 2, 0).squeeze()))
    if side is not None:
        drawn = drawn.resize(scaled(drawn.size, side), Image.Resampling.BILINEAR)
    return drawn.convert("RGB")


def overlay(
    image: Float[Tensor, "C H W"],
    labels: Int[Tensor, "H W"] | None = None,
    truth: Int[Tensor, "H W"] | None = None,
    side: int | None = None,
    width: int | None = None,
) -> Image.Image:
    """Show an image with every class outlined in a colour of its own.

    Args:
        image: of any intensities, shape (C, H, W).
        labels: class numbers, shape (H, W).
        truth: a second set of class numbers, outlined in white beneath the first.
        side: the picture's longer side in pixels; None for the image's own.
        width: of the outlines in pixels; None for what suits the picture.
    """
    drawn = np.array(picture(image, side))
    width = width or min(max(1, round(max(drawn.shape) / 128)), 4)
    for values, is_truth in ((truth, True), (labels, False)):
        if values is None:
            continue
        fitted = _nearest(values.clamp(min=0), drawn.shape[:2])  # ignored voxels have no outline
        where = _widened_outline(fitted, width)
        colours = np.asarray((TRUTH_COLOUR,) if is_truth else CLASS_COLOURS, dtype=np.uint8)
        drawn[where] = colours[(fitted.numpy()[where] - 1) % len(colours)]
    return Image.fromarray(drawn)


def heat_map(
    uncertainty: Float[Tensor, "H W"], highest: float = math.log(2), side: int | None = None
) -> Image.Image:
    """Show a map of numbers as heat, black for 0.

    Args:
        uncertainty: 0 or more, shape (H, W).
        highest: what is shown brightest; the largest entropy of a binary task by default.
        side: the picture's longer side in pixels; None for the map's own.
    """
    share = (uncertainty.float().numpy() / highest).clip(0, 1)
    stops = np.linspace(0, 1, len(HEAT))
    channels = [np.interp(share, stops, np.asarray(HEAT)[:, channel]) for channel in range(3)]
    drawn = Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))
    if side is None:
        return drawn
    return drawn.resize(scaled(drawn.size, side), Image.Resampling.BILINEAR)


def class_colour(index: int) -> tuple[int, int, int]:
    """The colour of a foreground class, by its number; they begin again when all are used."""
    return CLASS_COLOURS[(index - 1) % len(CLASS_COLOURS)]


def hexed(colour: tuple[int, int, int]) -> str:
    """A colour as #rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


def scaled(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height brought to a longer side in pixels."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _nearest(labels: Int[Tensor, "H W"], shape: tuple[int, ...]) -> Int[Tensor, "h w"]:
    rows, columns = (nearest(old, new) for old, new in zip(labels.shape, shape, strict=True))
    return labels[rows][:, columns]
