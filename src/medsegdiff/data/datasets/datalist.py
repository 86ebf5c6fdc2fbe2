"""A MONAI datalist: a JSON file that lists images and masks, relative to itself.

    {"training":   [{"image": "a.nii.gz", "label": "a_mask.nii.gz", "fold": 0}, ...],
     "validation": [{"image": ["b_flair.nii.gz", "b_t1.nii.gz"], "label": "b_mask.nii.gz"}],
     "testing":    [{"image": "c.nii.gz"}, "d.nii.gz"]}

A list of images is one file for each channel. Of the folds, 0 validates and the others train. The
entries of `dataset.json` (channel_names, labels, groups ...) may stand beside the lists, or in that
file; an entry of a list may name its `group` (also `patient`, `patient_id`, `subject`).

Source: load_decathlon_datalist of MONAI.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from medsegdiff.data.datasets.folder import is_folder
from medsegdiff.data.declaration import parse_declaration, read_json
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.listing import SPLITS, Entry, lists_in, named, only_list, split_of
from medsegdiff.data.study_files import FoundStudies, StudyFiles, count_text
from medsegdiff.errors import DataError

GROUP_KEYS = ("group", "patient", "patient_id", "subject")


class Datalist(FileDataset):
    """Studies that a JSON file lists; the root is that file, or a folder with only one such."""

    name: Literal["datalist"] = "datalist"
    specificity: ClassVar[int] = 40

    @classmethod
    def recognises(cls, root: Path) -> bool:
        if root.is_file():
            return root.suffix.lower() == ".json"
        return not is_folder(root) and bool(lists_in(root, (".json",), has_lists))

    @property
    def home(self) -> Path:
        return self._list.parent

    def find(self) -> FoundStudies:
        return listed(self._list, "A datalist")

    @property
    def _list(self) -> Path:
        return only_list(lists_in(self.root, (".json",), has_lists), self.root)


def has_lists(path: Path) -> bool:
    """Whether a file is JSON that holds a list of studies (and not of names, as splits.json)."""
    try:
        content = read_json(path)
    except DataError:
        return False
    lists = [content.get(key) for key in SPLITS] if isinstance(content, dict) else []
    entries = [one[0] for one in lists if isinstance(one, list) and one]
    return any(isinstance(entry, dict) and "image" in entry for entry in entries)


def listed(path: Path, what: str) -> FoundStudies:
    """Read the studies that a JSON file lists.

    Args:
        path: the JSON file; a `dataset.json` beside it is read, too.
        what: it is, for the findings.

    Raises:
        DataError: it is not JSON, lists nothing, or an entry is not what it must be.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(f'{path} must be {{"training": [{{"image": ..., "label": ...}}, ...]}}.')
    studies = named(list(_entries(content, path)), path)
    note = f"{what}: {count_text(len(studies))}."
    beside = path.with_name("dataset.json")
    about = read_json(beside) if beside.is_file() and beside != path else {}
    declaration = parse_declaration(
        {**about, **content} if isinstance(about, dict) else about, path
    )
    return FoundStudies(studies, declaration, findings=(note,))


def _entries(content: Mapping[str, Any], path: Path) -> Iterator[Entry]:
    for key, split in SPLITS.items():
        entries = content.get(key)
        if not isinstance(entries, list):
            continue
        for number, entry in enumerate(entries):
            try:
                yield _entry(entry, split, path)
            except (KeyError, TypeError):
                raise DataError(
                    f'Entry {number} of "{key}" in {path} must be {{"image": file or [files], '
                    '"label": file}, with files relative to the list.'
                ) from None


def _entry(entry: Any, split: str, path: Path) -> Entry:
    """One study; an image alone may be given as a string.

    Raises:
        KeyError: there is no image.
        TypeError: something is of another type.
        DataError: a fold is no number.
    """
    content = {"image": entry} if isinstance(entry, str) else entry
    images = content["image"]
    images = [images] if isinstance(images, str) else list(images)
    if not images:
        raise KeyError("image")
    label = content.get("label")
    if "fold" in content and split == "train":
        split = split_of(str(content["fold"]), str(path)) or split
    group = next((str(content[key]) for key in GROUP_KEYS if key in content), None)
    files = StudyFiles(
        images=tuple(path.parent / name for name in images),
        mask=None if label is None else path.parent / label,
        split=split,
        group=group,
    )
    return Entry(files)
