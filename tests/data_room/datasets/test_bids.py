from __future__ import annotations

from pathlib import Path

import pytest
from layout_trees import LABELS, bids
from official_trees import nifti, tumour

from medsegdiff.data.datasets.bids import BIDS
from medsegdiff.errors import DataError


def test_sessions_are_studies_and_subjects_are_patients(tmp_path: Path) -> None:
    bids(tmp_path)
    dataset = BIDS(root=tmp_path)
    assert dataset.ids() == ["sub-01_ses-1", "sub-01_ses-2", "sub-02_ses-1"]
    assert {dataset.group(study) for study in dataset.ids()} == {"sub-01", "sub-02"}
    assert dataset.annotated_ids() == dataset.ids()


def test_channels_are_what_all_sessions_have(tmp_path: Path) -> None:
    bids(tmp_path)
    dataset = BIDS(root=tmp_path)
    assert dataset.channel_names == ("T1w",)
    assert any("FLAIR (1)" in finding for finding in dataset.findings)


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
