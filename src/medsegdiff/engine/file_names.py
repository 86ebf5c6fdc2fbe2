"""How the files of OUT are called, and which format each study's mask is stored in."""

from __future__ import annotations

from pathlib import Path

from medsegdiff.data import LabelMap

MASK_LIKE = {  # how the mask of an image with this ending is stored; a detached header is not
    ".nii.gz": ".nii.gz",
    ".nii": ".nii",
    ".nrrd": ".nrrd",
    ".nhdr": ".nrrd",
    ".mha": ".mha",
    ".mhd": ".mha",
}
PICTURE_ENDINGS = (".png", ".tif")


def channel_names(label_map: LabelMap) -> list[str]:
    """Folders of the probabilities where there are several: of the classes, or of the regions."""
    if label_map.regions:
        return [f"region_{number}" for number in range(1, len(label_map.regions) + 1)]
    return [f"class_{number}" for number in range(label_map.classes)]


def mask_ending(source: Path | None, space_dims: int, label_map: LabelMap) -> str:
    """How a study's mask is stored: a volume like its image, a picture as one that loses nothing.

    Args:
        source: the image's file or folder; None for arrays.
        space_dims: axes of its grid.
        label_map: the values that the mask holds.
    """
    name = "" if source is None else source.name.lower()
    alike = next((MASK_LIKE[ending] for ending in MASK_LIKE if name.endswith(ending)), None)
    if alike is not None:
        return alike
    if space_dims == 3:
        return ".tif" if name.endswith((".tif", ".tiff")) else ".nii.gz"
    fits_png = bool(label_map.colours) or (
        min(label_map.values) >= 0 and max(label_map.values) < 2**16
    )
    return ".png" if fits_png else ".tif"


def masks_of(folder: Path, study: str) -> list[Path]:
    """The masks of a study that lie in OUT, however they are stored."""
    endings = (*PICTURE_ENDINGS, *sorted(set(MASK_LIKE.values())))
    return [path for ending in endings if (path := folder / f"{study}{ending}").is_file()]


def seg_file(folder: Path, study: str) -> Path:
    """Where the DICOM SEG of a study lies in OUT."""
    return folder / "dicom_seg" / f"{study}.dcm"
