"""Weights files of earlier formats, read as if they were of today's."""

from __future__ import annotations

import json
from collections.abc import Mapping

from torch import Tensor

FORMAT_VERSION = 3  # raised when a program would misread files of an earlier or a later one
LAST_LAYERS = ("to_fine.", "fine.", "out.")  # of the default network, before they were a `Detail`
MEANT = {  # settings of the default network that a format did not name yet, and what they were
    "1": {"patch": 4, "detail": "convolution", "skips": "concat"},
    "2": {"skips": "concat"},
}


def upgraded(
    header: Mapping[str, str], tensors: Mapping[str, Tensor]
) -> tuple[Mapping[str, str], Mapping[str, Tensor]]:
    """Header and tensors as this version would have written them.

    Format 1 had one way from patches to voxels in the default network, and did not name it; up to
    format 2 its condition network joined encoder and decoder in one way.
    """
    number = header.get("format_version", "")
    if number not in MEANT:
        return header, tensors
    try:
        model = json.loads(header["model"])
        is_concerned = model["network"]["name"] == "medsegdiff"
    except (KeyError, TypeError, ValueError):
        return header, tensors  # whoever parses it says what is wrong
    if not is_concerned:
        return header, tensors
    model["network"] = {**MEANT[number], **model["network"]}
    if number == "1":
        tensors = {renamed(name): tensor for name, tensor in tensors.items()}
    return {**header, "model": json.dumps(model)}, tensors


def renamed(name: str) -> str:
    """Today's name of a tensor of format 1."""
    owner, _, layer = name.partition("denoiser.")
    return f"denoiser.detail.{layer}" if not owner and layer.startswith(LAST_LAYERS) else name
