"""Copying a data set into another layout, so that the same studies and classes are read from it.

nnunet    imagesTr, labelsTr, imagesTs, labelsTs, dataset.json, splits.json, splits_final.json
folders   images, masks, raters, dataset.json, splits.json

Files that say under which terms the data may be used (LICENSE, ATTRIBUTION) come along.

Files are copied byte for byte where the layout can hold them. Otherwise images are written anew
without loss, and masks as class numbers: nnU-Net takes one file a channel and one ending for all.
It refuses images to train on that have no mask, so these lie in imagesTs.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from medsegdiff.data import LabelMap
from medsegdiff.data.file_dataset import FileDataset
from medsegdiff.data.folder_tree import some
from medsegdiff.data.splits import Splits
from medsegdiff.engine.conversion import Copy, FoldersCopy, NNUNetCopy
from medsegdiff.errors import ConfigError, DataError, MedSegDiffError
from medsegdiff.files import atomic_folder, write_json

TERMS = ("license", "licence", "attribution")  # how names of such files begin

TargetLayout = Literal["nnunet", "folders"]


def layout_named(name: str) -> TargetLayout:
    """A layout that data sets can be converted into.

    Raises:
        ConfigError: there is none of this name.
    """
    if name not in ("nnunet", "folders"):
        raise ConfigError(f"Data sets are converted to nnunet or to folders, not to {name!r}.")
    return name


@dataclass(frozen=True)
class Conversion:
    """What became of a data set.

    Args:
        written: names of the studies that were written.
        failed: what was wrong with each study that was left out.
        findings: what the copy lacks, in plain words.
    """

    written: tuple[str, ...]
    failed: Mapping[str, str]
    findings: tuple[str, ...] = ()


def convert(
    source: FileDataset,
    folder: Path,
    layout: TargetLayout,
    progress: Callable[[int, int], object] | None = None,
) -> Conversion:
    """Write a data set in another layout; a study that cannot be read is left out and named.

    Args:
        source: what to copy.
        folder: to make; it appears when all is written.
        layout: of the copy.
        progress: called with (studies done, studies in all).

    Raises:
        ConfigError: the folder holds something.
        DataError: a patient is in two splits, or no study can be read.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} holds something already. Give a new folder.")
    splits = source.declared_splits()
    with atomic_folder(folder) as new:
        if layout == "nnunet":
            copy: Copy = NNUNetCopy.of(source, new, set(splits.test if splits else ()))
        else:
            copy = FoldersCopy.of(source, new)
        failed = _copy_studies(source, copy, progress)
        written = tuple(study for study in source.ids() if study not in failed)
        if not written:
            raise DataError(f"No study can be copied. {next(iter(failed.values()))}")
        kept = _kept(splits, written)
        if splits is None and layout == "nnunet":
            kept = _of_trained(source, written)
        write_json(new / "dataset.json", _about(source, copy, written, kept))
        _write_splits(new, layout, kept, source.annotated_ids())
        for path in _terms(source):
            shutil.copyfile(path, new / path.name)
    findings = _changed_for_nnunet(source, written, kept) if layout == "nnunet" else []
    return Conversion(written, failed, tuple(findings))


def _terms(source: FileDataset) -> list[Path]:
    """The files that say under which terms the data may be used.

    They lie beside `dataset.json` or among the images; of two with one name the former counts.
    """
    images = {source.study_files(study).images[0].parent for study in source.ids()}
    folders = [*sorted(images), source.home]
    files = [one for folder in folders if folder.is_dir() for one in sorted(folder.iterdir())]
    found = [one for one in files if one.name.lower().startswith(TERMS) and one.is_file()]
    return list({one.name: one for one in found}.values())


def _changed_for_nnunet(
    source: FileDataset, written: Sequence[str], splits: Mapping[str, Sequence[str]]
) -> list[str]:
    """What an nnU-Net folder cannot hold as it was, in sentences."""
    known = {*source.annotated_ids(), *splits.get("test", ())}
    moved = [study for study in written if study not in known]
    found = []
    if not set(written) & set(source.annotated_ids()):
        found.append(
            "No study has a mask, so all images are in imagesTs: nnU-Net can predict them, but "
            "there is nothing to train on."
        )
    elif moved:
        found.append(f"Without a mask, and so in imagesTs: {some(moved)}.")
    if any(source.raters(study) for study in written):
        found.append("The masks of single raters are left out: nnU-Net knows one mask a study.")
    return found


def _copy_studies(
    source: FileDataset, copy: Copy, progress: Callable[[int, int], object] | None
) -> dict[str, str]:
    """Copy study by study; returns what was wrong with those that were left out."""
    studies, failed = source.ids(), {}
    for done, study in enumerate(studies, start=1):
        try:
            copy.add(source.load(study), source.study_files(study))
        except MedSegDiffError as error:
            copy.remove(study)
            failed[study] = str(error)
        if progress is not None:
            progress(done, len(studies))
    return failed


def _kept(splits: Splits | None, written: Sequence[str]) -> dict[str, list[str]]:
    """The splits without the studies that were left out; empty without any."""
    return {} if splits is None else _only(splits.model_dump(), written)


def _of_trained(source: FileDataset, written: Sequence[str]) -> dict[str, list[str]]:
    """Splits that tell studies without a mask in imagesTs from those to test on; else none.

    Without them, a patient with one study of either kind would be in two splits.
    """
    annotated = set(source.annotated_ids())
    trained = [study for study in written if study in annotated]
    is_mixed = 0 < len(trained) < len(written)
    return {"train": trained, "val": [], "test": []} if is_mixed else {}


def _only(splits: Mapping[str, Sequence[str]], studies: Collection[str]) -> dict[str, list[str]]:
    """The splits with these studies alone."""
    known = set(studies)
    return {name: [one for one in listed if one in known] for name, listed in splits.items()}


def _write_splits(
    folder: Path,
    layout: TargetLayout,
    splits: Mapping[str, Sequence[str]],
    annotated: Collection[str],
) -> None:
    """Write the splits, if there are any; nnU-Net's own file names no study without a mask."""
    if splits:
        write_json(folder / "splits.json", splits)
    fold = _only(splits, annotated)
    if fold.get("val") and layout == "nnunet":
        write_json(folder / "splits_final.json", [{one: fold[one] for one in ("train", "val")}])


def _about(
    source: FileDataset, copy: Copy, written: Sequence[str], splits: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """The content of `dataset.json`: whose the data are, nnU-Net's entries, then ours."""
    declared = source.declaration
    more = {
        "file_ending": copy.ending,
        "groups": {one: source.group(one) for one in written if source.group(one) != one},
        "codes": {concept.name: concept.declared for concept in declared.codes},
    }
    return {
        **declared.provenance,
        "channel_names": {str(i): name for i, name in enumerate(source.channel_names)},
        **_classes(source, copy.has_class_numbers),
        "numTraining": len({*written} & {*source.annotated_ids()} - {*splits.get("test", ())}),
        **{key: value for key, value in more.items() if value},
    }


def _classes(source: FileDataset, has_class_numbers: bool) -> dict[str, Any]:
    """The classes as the copy stores them: by their numbers, or as the source declares them."""
    label_map, declared = source.label_map, source.declaration
    if label_map is None:
        return {}
    if has_class_numbers or not declared.labels:
        stored = {} if has_class_numbers else _stored_values(label_map)
        return {**label_map.declaration(), **stored}
    found = {
        "labels": declared.labels,
        "regions_class_order": declared.regions_class_order,
        "label_values": declared.label_values,
        "colors": declared.colors,
    }
    return {key: value for key, value in found.items() if value}


def _stored_values(label_map: LabelMap) -> dict[str, Any]:
    """The value or colour of each class that nobody had declared, where it is not its number."""
    if label_map.colours:
        return {"colors": dict(zip(label_map.names, label_map.colours, strict=True))}
    if label_map.values == tuple(range(label_map.classes)):
        return {}
    return {"label_values": dict(zip(label_map.names, label_map.values, strict=True))}
