"""By what an image was made, in DICOM's words: "CT", "MR", "PT" (PET), "US" (ultrasound)."""

from __future__ import annotations

import re
from collections.abc import Iterable

NAMES = {
    "CT": ("ct", "hu", "hounsfield"),
    "MR": (
        *("mr", "mri", "cinemri", "t1", "t1w", "t1c", "t1ce", "t1gd", "t2", "t2w", "t2star"),
        *("flair", "t2flair", "pd", "pdw", "dwi", "adc", "swi", "dce", "dti"),
    ),
    "PT": ("pt", "pet", "suv"),
    "US": ("us", "ultrasound"),
}
MODALITIES = {name: modality for modality, names in NAMES.items() for name in names}


def modality_of(channel: str) -> str:
    """The modality that a channel's name tells, as "MR" for "T1-Gd"; empty where it tells none."""
    return MODALITIES.get("".join(re.findall(r"[a-z0-9]+", channel.lower())), "")


def other_modality(modality: str, channels: Iterable[str]) -> str:
    """What the channels show if all of them tell, and none is of this modality; else empty.

    Args:
        modality: of an image, as DICOM has it; empty where nobody says.
        channels: names of those that a model was trained on.
    """
    known = sorted({modality_of(channel) for channel in channels})
    is_told = modality in NAMES and "" not in known
    return " and ".join(known) if is_told and modality not in known else ""
