"""Damaged studies in a DICOM tree: the masks of the others are those of a tree without them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from damage.generator import LIES
from damage.series import SERIES_HARMS
from damage.sound import sound
from damage.study import Damaged, Expected
from PIL import Image
from pydicom import FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, UltrasoundImageStorage
from volume_memory import stand_in

from medsegdiff.engine.folder_prediction import predict_folder
from medsegdiff.engine.pipeline import MedSegDiffPipeline


def colour_picture(path: Path, image: Path) -> Path:
    """Write a picture as a DICOM file in a folder of its own."""
    pixels = np.asarray(Image.open(image).convert("RGB").resize((96, 96)))
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    one.SOPClassUID = meta.MediaStorageSOPClassUID = UltrasoundImageStorage
    one.SOPInstanceUID = meta.MediaStorageSOPInstanceUID = "1.2.3"
    one.SeriesInstanceUID, one.Modality, one.PixelRepresentation = f"1.2.{len(image.stem)}", "XC", 0
    one.Rows, one.Columns, one.SamplesPerPixel, one.PlanarConfiguration = 96, 96, 3, 0
    one.PhotometricInterpretation, one.BitsAllocated, one.BitsStored = "RGB", 8, 8
    one.HighBit, one.PixelData = 7, pixels.tobytes()
    path.parent.mkdir(parents=True)
    one.save_as(path, enforce_file_format=True)
    return path


def test_the_other_study_comes_out_bit_identical(skin_data: Path, tmp_path: Path) -> None:
    model = MedSegDiffPipeline.from_pretrained("skin-lesion", device="cpu").model
    images = sorted((skin_data / "images").iterdir())
    for tree in ("sound", "mixed"):
        colour_picture(tmp_path / tree / "p1/ct/1.dcm", images[0])
    bad = colour_picture(tmp_path / "mixed/p2/ct/1.dcm", images[1])
    bad.write_bytes(bad.read_bytes()[:400])
    outs = [tmp_path / "out-sound", tmp_path / "out-mixed"]
    _, mixed = (list(predict_folder(tmp_path / o.name[4:], o, model)) for o in outs)
    assert [one.study for one in mixed if one.error is not None] == ["p2_ct"]
    masks = [{file.name: file.read_bytes() for file in out.glob("p1_ct.*")} for out in outs]
    assert len(masks[0]) == 1
    assert masks[0] == masks[1]


def bad_company() -> list[Damaged]:
    """A series after each harm that must be refused, cut off in a slice, and a file that lies."""
    series, rng = sound("dicom series"), np.random.default_rng(0)
    harmed = [[harm(series, rng) for _ in range(20)] for harm in SERIES_HARMS]
    refused = [[one for one in tries if one.expected is Expected.REFUSED] for tries in harmed]
    name = min(series.files)
    cut = series.with_file(series.content(name)[:-9], name)
    lie = next(one for one in LIES["dicom multi-frame"] if one.expected is Expected.REFUSED)
    return [
        *(tries[0] for tries in refused if tries),
        Damaged(cut, "truncated", name, Expected.REFUSED),
        lie.told(sound("dicom multi-frame")),
    ]


def test_bad_company_changes_no_mask_of_a_series(tmp_path: Path) -> None:
    bad, failed, masks = bad_company(), [], []
    assert len(bad) == len(SERIES_HARMS) + 1  # all but a lost order, which is no harm
    for tree in ("sound", "mixed"):
        for number in range(2):
            sound("dicom series").write(tmp_path / tree / f"good_{number}")
        for number, one in enumerate(bad if tree == "mixed" else ()):
            one.study.write(tmp_path / tree / f"bad_{number:02d}")
        out = tmp_path / f"out-{tree}"
        results = list(predict_folder(tmp_path / tree, out, stand_in((4, 8, 8))))
        failed = [one.study for one in results if one.error is not None]
        masks.append({file.name: file.read_bytes() for file in out.glob("good_*")})
    assert failed == [f"bad_{number:02d}" for number in range(len(bad))]
    assert len(masks[0]) == 2
    assert masks[0] == masks[1]
