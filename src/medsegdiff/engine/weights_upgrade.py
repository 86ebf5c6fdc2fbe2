"""Weights files of earlier formats, read as if they were of today's."""

from __future__ import annotations

import json
from collections.abc import Mapping

from torch import Tensor

FORMAT_VERSION = 2  # raised when a program would misread files of an earlier or a later one
LAST_LAYERS = ("to_fine.", "fine.", "out.")  # of the default network, before they were a `Detail`


def upgraded(
    header: Mapping[str, str], tensors: Mapping[str, Tensor]
) -> tuple[Mapping[str, str], Mapping[str, Tensor]]:
    """Header and tensors as this version would have written them.

    Format 1 had one way from patches to voxels in the default network, and did not name it.
    """
    if header.get("format_version") != "1":
        return header, tensors
    try:
        model = json.loads(header["model"])
        is_concerned = model["network"]["name"] == "medsegdiff"
    except (KeyError, TypeError, ValueError):
        return header, tensors  # whoever parses it says what is wrong
    if not is_concerned:
        return header, tensors
    model["network"] = {"patch": 4, "detail": "convolution", **model["network"]}
    return {**header, "model": json.dumps(model)}, {
        renamed(name): tensor for name, tensor in tensors.items()
    }


def renamed(name: str) -> str:
    """Today's name of a tensor of format 1."""
    owner, _, layer = name.partition("denoiser.")
    return f"denoiser.detail.{layer}" if not owner and layer.startswith(LAST_LAYERS) else name
