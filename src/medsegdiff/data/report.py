"""What was found out about a data set, as sentences, as JSON, and as a sheet of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from PIL import Image

from medsegdiff.data.contact_sheet import contact_sheet
from medsegdiff.data.dataset import Dataset
from medsegdiff.data.legend import legend_of
from medsegdiff.data.pictures import overlay
from medsegdiff.data.planes import planes
from medsegdiff.data.study_files import count_text

NO_MASKS = "The images can be predicted. To train on them, put masks of the same names in masks/."
RARE = 20  # a class is, that one mask in so many holds
NAMED = 5  # studies that a sentence names; the JSON names all


@dataclass(frozen=True)
class ChannelSummary:
    """Intensities of one image channel over all studies.

    Args:
        name: what it shows.
        percentiles: at 0, 0.5, 50, 99.5 and 100 %.
        histogram: share of pixels in each of equal bins from the lowest to the highest intensity.
    """

    name: str
    percentiles: tuple[float, ...]
    histogram: tuple[float, ...]


@dataclass(frozen=True)
class ClassSummary:
    """How often one class occurs.

    Args:
        name: of the class.
        value: how it is stored: a number, or red, green and blue.
        voxels: in all studies together.
        share: of all voxels that have a label.
        studies: how many hold it.
    """

    name: str
    value: int | tuple[int, int, int]
    voxels: int
    share: float
    studies: int


@dataclass(frozen=True)
class Report:
    """All that `verify` found out.

    Args:
        dataset: what was looked at.
        studies: names of the studies that could be read.
        annotated: how many of these have a mask.
        raters: how many studies each rater drew.
        sizes: how many studies have each grid, as "W x H" or "W x H x D".
        spacings: how many have voxels of each size, likewise in mm; empty for photographs.
        orientations: how many volumes have axes that run like this, as "LPS"; empty for pictures.
        channels: intensities of each image channel.
        classes: how often each class occurs.
        splits: how many studies each declared split holds.
        unreadable: what is wrong with each study that cannot be used.
        without_mask: images without a mask, in a data set that has masks.
        masks_alone: masks without an image.
        empty_masks: studies whose mask outlines nothing.
        blank_images: studies whose image holds a single intensity.
        images_like_masks: studies whose image holds only a few whole numbers.
        duplicates: studies with the same decoded image.
        duplicates_across_splits: those of them that lie in different splits.
        groups_across_splits: patients that lie in different splits, and in which.
        thin: which structures a network's grid would be too coarse for.
        findings: what was recognised and the user should know.
        untrainable: why a training would refuse masks that are there; empty where it would not.
        problems: what makes the data set as a whole unusable or its figures untrue.
    """

    dataset: Dataset = field(repr=False)
    studies: tuple[str, ...] = ()
    annotated: int = 0
    raters: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    spacings: Mapping[str, int] = field(default_factory=dict)
    orientations: Mapping[str, int] = field(default_factory=dict)
    channels: tuple[ChannelSummary, ...] = ()
    classes: tuple[ClassSummary, ...] = ()
    splits: Mapping[str, int] = field(default_factory=dict)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    without_mask: tuple[str, ...] = ()
    masks_alone: tuple[str, ...] = ()
    empty_masks: tuple[str, ...] = ()
    blank_images: tuple[str, ...] = ()
    images_like_masks: tuple[str, ...] = ()
    duplicates: tuple[tuple[str, ...], ...] = ()
    duplicates_across_splits: tuple[tuple[str, ...], ...] = ()
    groups_across_splits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    thin: tuple[str, ...] = ()
    findings: tuple[str, ...] = ()
    untrainable: str = ""
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing has to be mended: what is there can be used, and its figures trusted."""
        return not (
            self.problems
            or self.unreadable
            or self.duplicates_across_splits
            or self.groups_across_splits
        )

    def text(self) -> str:
        """The report as lines of text: what there is, what to mend, what to know."""
        mend, know = self._to_mend(), self._to_know()
        lines = [*self._described(), *(["To mend:", *mend] if mend else [])]
        lines += ["To know:", *know] if know else []
        return "\n".join([*lines, self._verdict()])

    def to_json(self) -> dict[str, Any]:
        """Everything as plain values for a JSON file."""
        kept = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "dataset"}
        kept["channels"] = [asdict(channel) for channel in self.channels]
        kept["classes"] = [asdict(one) for one in self.classes]
        return {"ok": self.ok, **{name: _plain(value) for name, value in kept.items()}}

    def contact_sheet(self, n: int = 16, side: int = 192) -> Image.Image:
        """Show up to n studies, evenly spread over the data set, with their masks outlined.

        Of a volume, the axial slice with most foreground is shown.
        """
        count = min(n, len(self.studies))
        tiles = []
        for study in (self.studies[i * len(self.studies) // count] for i in range(count)):
            sample = self.dataset.load(study)
            plane = planes(sample.labels, sample.geometry)[0]
            labels = None if sample.labels is None else plane.of(sample.labels)
            tiles.append((overlay(plane.of(sample.image), labels, side=side), study))
        label_map = self.dataset.label_map
        return contact_sheet(tiles, side=side, legend=legend_of(label_map) if label_map else ())

    def _verdict(self) -> str:
        """What the data set is good for."""
        if not self.ok:
            return "The data set is not ready: see above."
        if self.untrainable:
            return (
                f"The data set can be read and predicted, but not trained on: {self.untrainable}."
            )
        return "The data set is ready." if self.annotated else NO_MASKS

    def _described(self) -> list[str]:
        lines = [f"{count_text(len(self.studies))}, {self.annotated} with a mask."]
        if self.sizes:
            lines[0] += f" Sizes: {_counted(self.sizes, 'sizes')}."
        if self.spacings:
            lines.append(f"Voxels in mm: {_counted(self.spacings, 'spacings')}.")
        if self.orientations:
            lines.append(f"Axes run to: {_counted(self.orientations, 'orientations')}.")
        if self.raters:
            drawn = ", ".join(f"{rater} ({count})" for rater, count in self.raters.items())
            way = "With `train --config raters` the members differ as people do."
            lines.append(f"Raters: {drawn}. {way}")
        if self.splits:
            counts = ", ".join(f"{name} {count}" for name, count in self.splits.items())
            lines.append(f"Splits: {counts}.")
        for channel in self.channels:
            low, _, middle, _, high = channel.percentiles
            lines.append(f"Channel {channel.name}: {low:g} to {high:g}, median {middle:g}.")
        lines += [
            f"Class {one.name}, stored as {one.value}: {one.share:.2%} of the voxels, in "
            f"{count_text(one.studies)}."
            for one in self.classes
        ]
        return lines

    def _to_mend(self) -> list[str]:
        lines = [*self.problems, *self.unreadable.values()]
        lines += [
            f"The same image is in different splits: {', '.join(names)}. Keep one of them."
            for names in self.duplicates_across_splits
        ]
        lines += [
            f"Patient {group} is in {' and '.join(places)}. Move all its studies into one split."
            for group, places in self.groups_across_splits.items()
        ]
        return [f"- {line}" for line in lines]

    def _rare_classes(self) -> list[str]:
        """Classes that hardly any study holds: values that strayed in, or too few to learn from."""
        rare = [one for one in self.classes if 0 < one.studies * RARE <= self.annotated]
        return [
            f"Class {one.name} (stored as {one.value}) is in {one.studies} of {self.annotated} "
            "masks only: too few to learn it from. If the value strayed in, mend the mask."
            for one in rare
        ]

    def _to_know(self) -> list[str]:
        listed = {
            "mask(s) that outline nothing": self.empty_masks,
            "blank image(s)": self.blank_images,
            "image(s) of so few values that they look like masks (is a folder of masks, or a label "
            "map, in the place of the images?)": self.images_like_masks,
            "image(s) that occur more than once": tuple(map(" = ".join, self.duplicates)),
        }
        lines = [*self.findings, *self._rare_classes(), *self.thin]
        found = {what: names for what, names in listed.items() if names}
        lines += [f"{len(names)} {what}: {_some(names)}." for what, names in found.items()]
        return [f"- {line}" for line in lines]


def _counted(counts: Mapping[str, int], what: str) -> str:
    """The most frequent values with their counts, and how many others there are."""
    common = list(counts.items())
    listed = ", ".join(f"{value} ({count})" for value, count in common[:NAMED])
    return listed + (f" and {len(common) - NAMED} other {what}" if len(common) > NAMED else "")


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:NAMED]) + (" ..." if len(names) > NAMED else "")


def _plain(value: Any) -> Any:
    """Tuples as lists and mappings as dicts, all the way down."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, (tuple, list)) else value
