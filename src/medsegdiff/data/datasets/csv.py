"""A table of studies: a CSV file whose first line names its columns.

    study,image,image2,label,split,group
    a,a_flair.nii.gz,a_t1.nii.gz,a_mask.nii.gz,train,patient 1
    b,b_flair.nii.gz,b_t1.nii.gz,,test,patient 2

Files are relative to the table. `study`, `label` (or `mask`), `split` (or `fold`: 0 validates, the
others train) and `group` may be missing; a study with an empty label has no mask. The columns may
be separated by commas, semicolons or tabs. A `dataset.json` beside the table is read, too.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal

from medsegdiff.data.datasets.folder import is_folder
from medsegdiff.data.declaration import read_declaration
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.listing import Entry, lists_in, named, only_list, split_of
from medsegdiff.data.study_files import FoundStudies, StudyFiles, count_text
from medsegdiff.errors import DataError

ENDINGS = (".csv", ".tsv")
HEADER_LETTERS = 2**12  # of a table, to see whether it lists images
IMAGE_COLUMN = re.compile(r"image_?\d*")


class CSV(FileDataset):
    """Studies that a table lists; the root is that table, or a folder with only one such."""

    name: Literal["csv"] = "csv"
    specificity: ClassVar[int] = 40

    @classmethod
    def recognises(cls, root: Path) -> bool:
        if root.is_file():
            return root.suffix.lower() in ENDINGS
        return not is_folder(root) and bool(lists_in(root, ENDINGS, _names_images))

    @property
    def home(self) -> Path:
        return self._list.parent

    @property
    def _list(self) -> Path:
        return only_list(lists_in(self.root, ENDINGS, _names_images), self.root)

    def find(self) -> FoundStudies:
        path = self._list
        columns, rows = _table(path)
        images = [column for column in columns if IMAGE_COLUMN.fullmatch(column)]
        if not images:
            raise DataError(
                f"{path} has the columns {', '.join(columns)}, but none named image. Name the "
                "columns in the first line: study,image,label,split,group."
            )
        entries = [_entry(row, images, path, line) for line, row in enumerate(rows, start=2) if row]
        studies = named(entries, path)
        note = f"A table of {count_text(len(studies))}."
        declaration = read_declaration(self.home / "dataset.json")
        return FoundStudies(studies, declaration, findings=(note,))


def _names_images(path: Path) -> bool:
    """Whether the first line of a table names a column of images."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline(HEADER_LETTERS).lower()
    return any(IMAGE_COLUMN.fullmatch(name.strip()) for name in re.split("[,;\t]", first))


def _table(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """Column names in small letters, and the rows by column; empty rows are empty.

    Raises:
        DataError: it is no text, or a row has more or fewer columns than the first line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a table: {error}. Save it as UTF-8.") from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    lines = list(csv.reader(text.splitlines(), delimiter=separator))
    if not lines:
        raise DataError(f"{path} is empty. Its first line must name the columns.")
    columns = [name.strip().lower() for name in lines[0]]
    rows = []
    for number, cells in enumerate(lines[1:], start=2):
        if cells and len(cells) != len(columns):
            raise DataError(
                f"Line {number} of {path} has {len(cells)} columns, but the first line names "
                f"{len(columns)}."
            )
        values = {name: cell.strip() for name, cell in zip(columns, cells, strict=False)}
        rows.append(values if any(values.values()) else {})
    return columns, rows


def _entry(row: Mapping[str, str], images: Sequence[str], path: Path, line: int) -> Entry:
    """One study.

    Raises:
        DataError: it has no image, or a split that means nothing.
    """
    named_files = [row[column] for column in images if row[column]]
    if not named_files:
        raise DataError(f"Line {line} of {path} names no image.")
    label = row.get("label") or row.get("mask")
    files = StudyFiles(
        images=tuple(path.parent / name for name in named_files),
        mask=path.parent / label if label else None,
        split=split_of(row.get("split") or row.get("fold") or "", f"Line {line} of {path}"),
        group=row.get("group") or row.get("patient") or None,
    )
    return Entry(files, row.get("study") or None)
