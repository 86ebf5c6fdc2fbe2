from __future__ import annotations

from pathlib import Path

import pytest
from layout_trees import LABELS, bids
from official_trees import nifti, tumour

from medsegdiff.data.datasets.bids import BIDS
from medsegdiff.errors import DataError, UnreadableStudy


def test_sessions_are_studies_and_subjects_are_patients(tmp_path: Path) -> None:
    bids(tmp_path)
    dataset = BIDS(root=tmp_path)
    assert dataset.ids() == ["sub-01_ses-1", "sub-01_ses-2", "sub-02_ses-1"]
    assert {dataset.group(study) for study in dataset.ids()} == {"sub-01", "sub-02"}
    assert dataset.annotated_ids() == dataset.ids()


def test_channels_are_what_most_sessions_have(tmp_path: Path) -> None:
    bids(tmp_path)
    dataset = BIDS(root=tmp_path)
    assert dataset.channel_names == ("T1w",)
    assert any("FLAIR (1)" in finding for finding in dataset.findings)


def test_a_session_without_a_channel_fails_by_name(tmp_path: Path) -> None:
    bids(tmp_path)
    for study in ("sub-01_ses-1", "sub-02_ses-1"):
        nifti(tmp_path / f"{study.replace('_', '/')}/anat/{study}_FLAIR.nii.gz", tumour(3))
    for dataset in (BIDS(root=tmp_path), BIDS.of_images(tmp_path, 2)):
        assert dataset.channel_names[:2] == ("FLAIR", "T1w")
        assert len(dataset.load("sub-02_ses-1").image) == 2
        with pytest.raises(UnreadableStudy, match=r"sub-01_ses-2_FLAIR\.nii\.gz"):
            dataset.load("sub-01_ses-2")
    assert BIDS(root=tmp_path).annotated_ids() == ["sub-01_ses-1", "sub-02_ses-1"]


def test_a_model_takes_as_many_channels_as_it_has(tmp_path: Path) -> None:
    bids(tmp_path)
    assert BIDS.of_images(tmp_path, 1).find().declaration.channel_names == ("T1w",)
    assert BIDS.of_images(tmp_path, 2).find().declaration.channel_names == ("FLAIR", "T1w")


def test_several_kinds_of_masks_have_to_be_chosen_from(tmp_path: Path) -> None:
    bids(tmp_path)
    anat = tmp_path / "derivatives/other/sub-02/ses-1/anat"
    nifti(anat / "sub-02_ses-1_label-oedema_mask.nii.gz", tumour(3) == 2)
    with pytest.raises(DataError, match=r"label-oedema_mask, label-tumour_dseg"):
        BIDS(root=tmp_path).ids()
    assert BIDS(root=tmp_path, mask="mask").annotated_ids() == ["sub-02_ses-1"]


def test_the_brain_is_nobodys_target_where_there_is_another(tmp_path: Path) -> None:
    bids(tmp_path)
    anat = tmp_path / "derivatives/prep/sub-02/ses-1/anat"
    nifti(anat / "sub-02_ses-1_desc-brain_mask.nii.gz", tumour(3) > 0)
    assert len(BIDS(root=tmp_path).annotated_ids()) == 3


def test_a_table_names_the_classes(tmp_path: Path) -> None:
    bids(tmp_path)
    rows = [f"{number}\t{name}" for name, number in LABELS.items() if number]
    (tmp_path / "derivatives/manual/desc-tumour_dseg.tsv").write_text(
        "\n".join(["index\tname", *rows])
    )
    label_map = BIDS(root=tmp_path).label_map
    assert label_map is not None
    assert label_map.names == tuple(LABELS)
