from __future__ import annotations

import json
from pathlib import Path

import pytest

from medsegdiff.data.declaration import Declaration, read_declaration, read_splits
from medsegdiff.errors import DataError


def written(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("names", [{"0": "T1", "1": "T2"}, ["T1", "T2"]])
def test_channel_names_come_as_a_mapping_or_a_list(tmp_path: Path, names: object) -> None:
    path = written(tmp_path / "dataset.json", {"channel_names": names, "licence": "CC0"})
    assert read_declaration(path).channel_names == ("T1", "T2")


def test_without_files_nothing_is_declared(tmp_path: Path) -> None:
    assert read_declaration(tmp_path / "dataset.json") == Declaration()
    assert read_splits(tmp_path / "splits.json", []) is None


def test_a_file_that_is_no_object_is_refused_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r'dataset\.json must hold an object, \{"labels"'):
        read_declaration(written(tmp_path / "dataset.json", []))


@pytest.mark.parametrize(
    "content", [{"groups": [1]}, {"colors": {"a": "red"}}, {"group_pattern": "("}, {"labels": 3}]
)
def test_an_unusable_entry_is_named(tmp_path: Path, content: dict[str, object]) -> None:
    with pytest.raises(DataError, match=rf"dataset\.json cannot be used: {next(iter(content))}"):
        read_declaration(written(tmp_path / "dataset.json", content))


def test_a_part_of_the_pattern_that_is_not_there_leaves_the_study_alone() -> None:
    declared = Declaration.model_validate({"group_pattern": r"(p\d)?_", "groups": {"x_1": 7}})
    assert [declared.group(study) for study in ("p1_a", "_a", "b", "x_1")] == ["p1", "_a", "b", "7"]


def test_a_study_in_splits_must_exist(tmp_path: Path) -> None:
    path = written(tmp_path / "splits.json", {"train": ["a", "z"]})
    with pytest.raises(DataError, match="1 studies that have no image: z"):
        read_splits(path, ["a"])


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("10200004", ("10200004", "SCT", "liver")),
        (10200004, ("10200004", "SCT", "liver")),
        (["64033007", "SCT", "Kidney"], ("64033007", "SCT", "Kidney")),
        ({"value": "L-1", "scheme": "99OURS"}, ("L-1", "99OURS", "liver")),
    ],
)
def test_a_code_is_a_number_a_triple_or_an_object(given: object, read: tuple[str, ...]) -> None:
    content = {"labels": {"background": 0, "liver": 1}, "codes": {"liver": given}}
    (concept,) = Declaration.model_validate(content).codes
    assert (concept.name, *concept.declared) == ("liver", *read)


@pytest.mark.parametrize("codes", [{"spleen": "78961009"}, {"liver": ""}, {"liver": "1" * 17}, 3])
def test_a_code_that_cannot_be_used_is_refused(tmp_path: Path, codes: object) -> None:
    content = {"labels": {"background": 0, "liver": 1}, "codes": codes}
    with pytest.raises(DataError, match=r"codes"):
        read_declaration(written(tmp_path / "dataset.json", content))
