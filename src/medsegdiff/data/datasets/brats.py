"""BraTS: brain tumours in four MR sequences, one folder a study, as they are downloaded.

    BraTS20_Training_001/BraTS20_Training_001_{flair,t1,t1ce,t2,seg}.nii.gz          2017 to 2021
    BraTS-GLI-00000-000/BraTS-GLI-00000-000-{t1n,t1c,t2w,t2f,seg}.nii.gz             from 2023
    HGG/brats_2013_pat0001_1/VSD.Brain.XX.O.MR_Flair.54512/VSD.Brain...54512.mha     to 2015
    training/slice0001/{t1,t1ce,t2,flair,seg}.nii.gz                 README of MedSegDiff's authors
    training/000001/brats_train_001_{t1,t1ce,t2,flair,seg}_080_w.nii.gz                their loader

Masks hold 1 (necrosis; with non-enhancing core from 2017), 2 (oedema), and for the enhancing tumour
4 until 2021 and 3 from 2023; until 2015, 3 was the non-enhancing core. The regions are those of the
challenge: whole tumour, tumour core, enhancing tumour.

Source: Menze et al. 2015, IEEE TMI 34, 1993-2024; Baid et al. 2021, arXiv:2107.02314.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar, Literal

from medsegdiff.data.declaration import Declaration
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.folder_tree import files_in, folders_below, some, split_named
from medsegdiff.data.overruling import overruled
from medsegdiff.data.study_files import FoundStudies, StudyFiles
from medsegdiff.errors import DataError

DEPTH = 5
LOOKED_AT = 64  # folders, to see whether one holds the four sequences
ENDINGS = (".nii", ".nii.gz", ".mha")
SEQUENCES = ("t1", "t1ce", "t2", "flair")  # order of the channels
MASK = "seg"
KIND_OF = {
    **{"t1n": "t1", "t1c": "t1ce", "t2w": "t2", "t2f": "flair", "segm": MASK, "ot": MASK},
    **{name: name for name in (*SEQUENCES, MASK)},
}
NAME = re.compile(
    r"(?P<study>.*?)(?:^|[._-])(?:mr_)?(?P<kind>t1ce|t1c|t1n|t1|t2w|t2f|t2|flair|segm|seg|ot)"
    r"(?P<slice>[._-]\d+(?:_w)?)?",
    re.IGNORECASE,
)
PATIENT = re.compile(r"(BraTS-[A-Za-z]+-\d+)-\d+|(brats_\w+_pat\d+)_\d+")


@dataclass(frozen=True)
class Era:
    """What the numbers in the masks meant in some years.

    Args:
        title: for people.
        labels: background and the regions, each with the numbers that it is made of.
        order: the number that each region is stored under, in the order of `labels`.
    """

    title: str
    labels: Mapping[str, int | list[int]]
    order: tuple[int, ...] = (2, 1, 4)


def _regions(whole: list[int], core: list[int], enhancing: int) -> dict[str, int | list[int]]:
    return {
        "background": 0,
        "whole tumour": whole,
        "tumour core": core,
        "enhancing tumour": enhancing,
    }


ERAS = {
    "vsd": Era("naming of 2015 and before", _regions([1, 2, 3, 4], [1, 3, 4], 4)),
    "underscore": Era("naming of 2017 to 2021", _regions([1, 2, 4], [1, 4], 4)),
    "hyphen": Era("naming of 2023 and after", _regions([1, 2, 3], [1, 3], 3), (2, 1, 3)),
}


class BraTS(FileDataset):
    """Four MR sequences of each study on one grid, and the tumour's mask."""

    name: Literal["brats"] = "brats"
    specificity: ClassVar[int] = 80

    @classmethod
    def recognises(cls, root: Path) -> bool:
        folders = islice(folders_below(root, DEPTH), LOOKED_AT)
        kinds: dict[Path, set[str]] = defaultdict(set)
        for path, kind in _files(folders):
            kinds[_study_folder(path)].add(kind)
        return any(set(SEQUENCES) <= found for found in kinds.values())

    def find(self) -> FoundStudies:
        by_folder = self._by_folder()
        complete = {f: files for f, files in by_folder.items() if set(SEQUENCES) <= set(files)}
        if not complete:
            raise DataError(f"{self.root} has no folder with t1, t1ce, t2 and flair of one study.")
        era = _era(self.root, [files["t1"] for files in complete.values()])
        example = next(iter(complete.values()))
        begun = {f: files for f, files in by_folder.items() if set(SEQUENCES) & set(files)}
        names = self._names(list(begun))
        studies = {
            names[folder]: StudyFiles(
                tuple(_path(folder, files, kind, example) for kind in SEQUENCES),
                files.get(MASK) if folder in complete else None,
                split=split_named(folder.parent, self.root) if folder != self.root else None,
                group=_patient(folder, _any_image(files)),
            )
            for folder, files in begun.items()
        }
        declaration = Declaration(
            channel_names=("T1", "T1ce", "T2", "FLAIR"),
            labels=dict(era.labels),
            regions_class_order=era.order,
        )
        declaration = overruled(declaration, self.home / "dataset.json")
        findings = [_counted(studies, era), *_left_out(by_folder)]
        if not (declaration.groups or declaration.group_pattern):
            findings += _unknown_patients(studies)
        return FoundStudies(dict(sorted(studies.items())), declaration, findings=tuple(findings))

    def _by_folder(self) -> dict[Path, dict[str, Path]]:
        """The files of each study's folder, by sequence."""
        found: dict[Path, dict[str, Path]] = defaultdict(dict)
        for path, kind in _files(folders_below(self.root, DEPTH)):
            first = found[_study_folder(path)].setdefault(kind, path)
            if first != path:
                raise DataError(
                    f"{first} and {path.name} would both be the {kind} of one study. Give every "
                    "study a folder of its own, and keep one of the two files."
                )
        return found

    def _names(self, folders: list[Path]) -> dict[Path, str]:
        """Name studies for their folders; with the folders above where these names repeat."""
        times = Counter(folder.name for folder in folders)
        return {
            folder: folder.name
            if times[folder.name] == 1
            else "_".join(folder.relative_to(self.root).parts)
            for folder in folders
        }


def _files(folders: Iterator[Path]) -> Iterator[tuple[Path, str]]:
    """Yield the files that are named for a sequence or a mask, and which it is."""
    for folder in folders:
        for path in files_in(folder, ENDINGS):
            named = NAME.fullmatch(_stem(path))
            if named:
                yield path, KIND_OF[named["kind"].lower()]


def _any_image(files: Mapping[str, Path]) -> Path:
    return next(files[kind] for kind in SEQUENCES if kind in files)


def _path(folder: Path, files: Mapping[str, Path], kind: str, example: Mapping[str, Path]) -> Path:
    """The file of a sequence; a missing one under the name that it should have."""
    if kind in files:
        return files[kind]
    some = _any_image(files)
    mine, other = NAME.fullmatch(_stem(some)), NAME.fullmatch(_stem(example[kind]))
    assert mine is not None
    assert other is not None
    start, end = mine.span("kind")
    return folder / f"{some.name[:start]}{other['kind']}{some.name[end:]}"


def _stem(path: Path) -> str:
    return re.sub(r"\.(nii|nii\.gz|mha)$", "", path.name, flags=re.IGNORECASE)


def _study_folder(path: Path) -> Path:
    """The folder of a file's study; until 2015 every file had a folder of its own in it."""
    return path.parent.parent if path.parent.name.startswith("VSD.") else path.parent


def _era(root: Path, first_channels: list[Path]) -> Era:
    """The years' naming.

    Raises:
        DataError: there is more than one, whose masks hold different numbers.
    """
    kinds = {_naming(path) for path in first_channels}
    if len(kinds) != 1:
        titles = ", ".join(ERAS[kind].title for kind in sorted(kinds))
        raise DataError(
            f"{root} holds BraTS of several years ({titles}), whose masks use different "
            "numbers. Give the folder of one."
        )
    return ERAS[kinds.pop()]


def _naming(path: Path) -> str:
    if path.name.startswith("VSD."):
        return "vsd"
    return "hyphen" if _stem(path).lower().endswith("-t1n") else "underscore"


def _patient(folder: Path, image: Path) -> str | None:
    """The patient of a study; None where a folder is a slice and does not say of whom."""
    named = NAME.fullmatch(_stem(image))
    if named and named["slice"] and not image.name.startswith("VSD."):
        return named["study"]  # a slice: brats_train_001_t1_080_w
    if re.fullmatch("slice_?[0-9]+", folder.name):
        return None
    found = PATIENT.fullmatch(folder.name)
    return (found[1] or found[2]) if found else folder.name


def _counted(studies: Mapping[str, StudyFiles], era: Era) -> str:
    annotated = sum(files.mask is not None for files in studies.values())
    patients = len({files.group or name for name, files in studies.items()})
    return (
        f"BraTS ({era.title}): {len(studies)} studies of {patients} patients with T1, T1ce, T2 and "
        f"FLAIR, {annotated} with a mask."
    )


def _left_out(by_folder: Mapping[Path, Mapping[str, Path]]) -> list[str]:
    found = [
        f"{folder.name} without {' and '.join(kind for kind in SEQUENCES if kind not in files)}"
        for folder, files in sorted(by_folder.items())
        if not set(SEQUENCES) <= set(files)
    ]
    return [f"Not whole, and so left out of training: {some(found)}."] if found else []


def _unknown_patients(studies: Mapping[str, StudyFiles]) -> list[str]:
    if all(files.group is not None for files in studies.values()):
        return []
    return [
        "The names of the slices do not say their patients, so slices of one patient may be "
        'trained and tested on. Name the patients in dataset.json ("groups").'
    ]
