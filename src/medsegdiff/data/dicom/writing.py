"""Writing a DICOM SEG: each segment with its name, its code, and the program that drew it.

Of the source only what the standard requires of the new object is taken over: patient, study and
frame of reference, and nothing else about the person or the hospital.

Source: DICOM PS3.3, A.51 (segmentation IOD), C.7.1.1 (patient) and C.7.2.1 (general study).
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medsegdiff.data.dicom.files import reading
from medsegdiff.data.dicom.volume import Volume, declared
from medsegdiff.errors import DataError
from medsegdiff.files import atomic_write

if TYPE_CHECKING:
    from highdicom.seg import Segmentation
    from pydicom import Dataset

Code = Sequence[str]  # value, scheme, meaning: ("10200004", "SCT", "Liver")

ANATOMY = ("123037004", "SCT", "Anatomical Structure")
ABNORMAL = ("49755003", "SCT", "Morphologically Abnormal Structure")
ABNORMAL_WORDS = re.compile(
    r"lesion|tumou?r|nodule|polyp|metasta|cyst|infarct|h(a|ae)morrhage|oedema|edema|necro", re.I
)
REQUIRED_EMPTY = (  # must be there, may be empty (type 2)
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
)
OF_THE_GRID = (
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPClassUID",
    "SOPInstanceUID",
    "SpecificCharacterSet",
    "Modality",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)
NEEDED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "Modality")
SERIES_NUMBER_FROM = 1000  # behind the scanner's own series, as viewers list them
LEAST_SHARE = 0.5 / 255  # what is less is stored as 0; frames are kept where all of them are empty
NO_LIMIT = 2**62  # the mask of this size is in memory already


def write_segmentation(
    path: Path,
    labels: np.ndarray,
    names: Mapping[int, str],
    codes: Mapping[str, Code] | None,
    source: Path,
    layers: np.ndarray | None = None,
) -> None:
    """Write a mask, or one layer for each name, as a DICOM segmentation object, atomically.

    Segments are numbered 1, 2, ... in the order of the label values, as the standard demands.

    Args:
        path: the .dcm file to write.
        labels: label values on the grid on which `source` is read, shape (D, H, W) or (H, W).
        names: the name of each label value but background.
        codes: by name, what the segment is: value, scheme and meaning; without one it is an
            anatomical structure, or an abnormal one where the name says so (lesion, tumour, ...).
        source: the folder of the image series, or its file.
        layers: shape (K, D, H, W), one for each name, a background before them being left out;
            written instead of the labels. Masks (bool) may overlap; probabilities, 0 to 1, make a
            fractional segmentation.

    Raises:
        DataError: labels without a name, another grid than the source's, or a source that lacks
            what the standard requires.
        UnreadableStudy: the source is damaged.
    """
    volume = declared(source, NO_LIMIT)
    _check(path, labels, names, volume)
    pixels = _pixels(labels, names, layers, path)
    segments = [(number, names[value]) for number, value in _numbered(names)]
    atomic_write(path, _encoded(volume, pixels, segments, codes or {}, path))


def _encoded(
    volume: Volume,
    pixels: np.ndarray,
    segments: list[tuple[int, str]],
    codes: Mapping[str, Code],
    path: Path,
) -> bytes:
    """The content of the file; `pixels` are as `_pixels` makes them.

    The texts of highdicom are left out of errors, because they may quote the values of the source.
    """
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            described = [_segment(number, name, codes) for number, name in segments]
            _segmentation(volume, pixels, described).save_as(content)
        except Exception as error:
            raise DataError(
                f"{path} cannot be written as DICOM SEG: the series lacks what the standard "
                f"requires, or a code is not one ({type(error).__name__}). Write the mask as NIfTI."
            ) from None
    return content.getvalue()


def _numbered(names: Mapping[int, str]) -> list[tuple[int, int]]:
    """Segment number and label value of each name."""
    return list(enumerate(sorted(names), start=1))


def _check(path: Path, labels: np.ndarray, names: Mapping[int, str], volume: Volume) -> None:
    if labels.shape != volume.geometry.shape:
        raise DataError(
            f"{path}: the mask has shape {labels.shape}, but its series {volume.geometry.shape}. "
            "Give the series that was segmented."
        )
    strange = np.isin(labels, [0, *names], invert=True)
    unnamed = np.unique(labels[strange]).tolist()
    if unnamed or not names or min(names) < 1:
        raise DataError(
            f"{path}: a segmentation needs a name for each label above 0; without one: "
            f"{unnamed or 'all'}. Name them under `labels` in dataset.json."
        )
    source, first = next(iter(volume.headers.items()))
    needed = (*NEEDED, "FrameOfReferenceUID") if labels.ndim == 3 else NEEDED
    with reading(source):
        lacking = [keyword for keyword in needed if not first.get(keyword)]
    if lacking:
        raise DataError(
            f"{path} cannot be written as DICOM SEG: the series does not say {', '.join(lacking)}. "
            "Write the mask as NIfTI."
        )


def _segment(number: int, name: str, codes: Mapping[str, Code]) -> Any:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription
    from pydicom.sr.codedict import codes as known
    from pydicom.sr.coding import Code as Coded

    import medsegdiff

    code = codes.get(name)
    category = ABNORMAL if ABNORMAL_WORDS.search(f"{name} {code[2] if code else ''}") else ANATOMY
    return SegmentDescription(
        segment_number=number,
        segment_label=name[:64],
        segmented_property_category=Coded(*category),
        segmented_property_type=Coded(*(code or category)),
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=AlgorithmIdentificationSequence(
            name="medsegdiff",
            version=medsegdiff.__version__,
            family=known.cid7162.ArtificialIntelligence,
        ),
    )


def _pixels(
    labels: np.ndarray, names: Mapping[int, str], layers: np.ndarray | None, path: Path
) -> np.ndarray:
    """Segment numbers, (D, H, W), or layers, (D, H, W, K), slices in the grid's order.

    Probabilities are floats; masks are whole numbers, 0 or 1.
    """
    if layers is None:
        numbers = np.zeros(labels.shape, np.uint8 if len(names) < 256 else np.uint16)
        for number, value in _numbered(names):
            numbers[labels == value] = number
        return numbers.reshape(-1, *labels.shape[-2:])
    named = layers[1:] if len(layers) == len(names) + 1 else layers
    if named.shape != (len(names), *labels.shape):
        raise DataError(
            f"{path}: layers of shape {layers.shape} do not belong to {len(names)} name(s) and a "
            f"mask of shape {labels.shape}. Give one for each name."
        )
    frames = np.moveaxis(named.reshape(len(names), -1, *labels.shape[-2:]), 0, -1)
    return frames.astype(np.uint8 if layers.dtype == bool else np.float32).clip(0, 1)


def _segmentation(volume: Volume, pixels: np.ndarray, segments: list[Any]) -> Segmentation:
    from highdicom import UID
    from highdicom.seg import Segmentation, SegmentationTypeValues

    import medsegdiff

    spacing = volume.geometry.spacing_mm
    between = spacing[0] if spacing and volume.geometry.space_dims == 3 else None
    sources = [_required(volume.headers[frame.file], between) for frame in volume.frames]
    if len(volume.headers) == 1:  # one file with all frames, in an order of its own
        sources = sources[:1]
        pixels = pixels[np.argsort([frame.index for frame in volume.frames])]
    first = next(iter(volume.headers.values()))
    is_fractional = pixels.dtype.kind == "f"
    kind = SegmentationTypeValues.FRACTIONAL if is_fractional else SegmentationTypeValues.BINARY
    return Segmentation(
        source_images=sources,
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=segments,
        series_instance_uid=UID(),
        series_number=SERIES_NUMBER_FROM + int(first.get("SeriesNumber") or 0),
        sop_instance_uid=UID(),
        instance_number=1,
        manufacturer="MedSegDiff",
        manufacturer_model_name="medsegdiff",
        software_versions=medsegdiff.__version__,
        device_serial_number="0",
        series_description=f"medsegdiff {'probability' if is_fractional else 'mask'}",
        specific_character_set="ISO_IR 192",
        omit_empty_frames=bool(pixels.max() > (LEAST_SHARE if is_fractional else 0)),
    )


def _required(header: Dataset, between: float | None) -> Dataset:
    """What the new object must say, or must be told, about its source; the rest is left behind.

    Slices without a thickness are as thick as the distance `between` them, in mm.
    """
    from pydicom import Dataset

    kept = Dataset()
    for keyword in (*REQUIRED_EMPTY, *OF_THE_GRID):
        if keyword in header:
            kept[keyword] = header[keyword]
        elif keyword in REQUIRED_EMPTY:
            setattr(kept, keyword, "")
    if kept.get("SliceThickness") is None:
        kept.SliceThickness = None if between is None else f"{between:.9g}"
    return kept
