"""What is shown of a finished job: figures, and its files by ids that are no paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medsegdiff.engine.folder_prediction import StudyResult

QUALITY = (  # the Dice to expect, from which on it is said so
    (0.95, "The model is nearly sure of this mask."),
    (0.85, "The model is a little unsure of this mask."),
    (0.7, "The model is unsure of parts: look at the uncertainty before you use this mask."),
    (0.0, "The model is not sure of this mask: do not use it without drawing it over."),
)
NOT_ACCURACY = "This is what the model expects of itself; it does not prove that the mask is right."
PLAIN_NAMES = {
    "uncertainty": "Uncertainty",
    "previews": "Preview",
    "run_report.json": "Report of the run",
    "statistics.json": "Figures of the mask",
}


@dataclass(frozen=True)
class Download:
    """A file to take away.

    Args:
        id: in its address.
        title: for people.
        file_name: that it gets on the user's disk.
        path: in the job's folder.
        bytes: its size.
    """

    id: str
    title: str
    file_name: str
    path: str
    bytes: int


def quality_words(quality: float) -> str:
    """What a quality score means, in plain sentences."""
    found = next(words for least, words in QUALITY if quality >= least)
    return f"{found} {NOT_ACCURACY}"


def downloads(out: Path, study: str, mask: Path, names: Sequence[str]) -> list[Download]:
    """The files of OUT, the mask first, then in a fixed order.

    Args:
        out: what `medsegdiff predict` has written.
        study: its only study.
        mask: the file of its mask.
        names: of the classes or regions that have a probability.
    """
    found = [_download("download_mask", "Mask", mask, out.parent)]
    for number, (title, path) in enumerate(_others(out, study, names)):
        found.append(_download(f"download_{number}", title, path, out.parent))
    return found


def described(
    result: StudyResult, settings: Mapping[str, Any], names: Sequence[str], layers: Sequence[str]
) -> dict[str, Any]:
    """The figures of a result as the API shows them, with the ids of its layers.

    Args:
        result: one study that went well.
        settings: of the job.
        names: of what has a probability.
        layers: names of the layers that were written.
    """
    found = result.prediction
    assert found is not None
    return {
        "study": result.study,
        "space_dims": found.geometry.space_dims,
        "shape": list(found.geometry.shape),
        "spacing_mm": None
        if found.geometry.spacing_mm is None
        else list(found.geometry.spacing_mm),
        "model": settings["model"],
        "weights_hash": found.provenance["weights_hash"],
        "settings": dict(settings),
        "seconds": round(result.seconds, 3),
        "quality": found.quality,
        "quality_words": quality_words(found.quality),
        "warnings": list(found.warnings),
        "statistics": found.statistics(),
        "layers": _layer_ids(names, layers),
    }


def with_addresses(result: Mapping[str, Any], job_id: str) -> dict[str, Any]:
    """A stored result with the addresses of its files in place of their ids."""

    def url(file_id: str) -> str:
        return f"/api/jobs/{job_id}/files/{file_id}"

    layers = dict(result["layers"])
    layers["probability"] = [
        {"name": one["name"], "url": url(one["id"])} for one in layers["probability"]
    ]
    layers["members"] = [url(one) for one in layers["members"]]
    for name in ("image", "mask", "uncertainty", "agreement"):
        layers[name] = url(layers[name])
    offered = [
        {"title": one["title"], "file_name": one["file_name"], "bytes": one["bytes"]}
        | {"url": url(one["id"])}
        for one in result["downloads"]
    ]
    kept = {key: value for key, value in result.items() if key != "files"}
    return {**kept, "layers": layers, "downloads": offered}


def file_entries(
    layers: Mapping[str, Path], offered: Sequence[Download], folder: Path
) -> dict[str, dict[str, Any]]:
    """Every file that may be asked for, by its id: where it lies, and its name if it is saved."""
    drawn = {
        name: {"path": str(path.relative_to(folder)), "file_name": None}
        for name, path in layers.items()
    }
    saved = {one.id: {"path": one.path, "file_name": one.file_name} for one in offered}
    return {**drawn, **saved}


def as_json(offered: Sequence[Download]) -> list[dict[str, Any]]:
    """Downloads as they are stored."""
    return [asdict(one) for one in offered]


def _layer_ids(names: Sequence[str], layers: Sequence[str]) -> dict[str, Any]:
    members = [name for name in layers if name.startswith("member_")]
    probability = [
        {"name": name, "id": f"probability_{number}"} for number, name in enumerate(names)
    ]
    fixed = {name: name for name in ("image", "mask", "uncertainty", "agreement")}
    return {**fixed, "probability": probability, "members": members}


def _others(out: Path, study: str, names: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Title and file of all else in OUT."""
    for path in sorted((out / "dicom_seg").glob("*.dcm")):
        is_soft = path.stem.endswith("_probability")
        yield ("DICOM SEG of the probability" if is_soft else "Mask as DICOM SEG"), path
    for path in sorted((out / "uncertainty").glob("*")):
        yield PLAIN_NAMES["uncertainty"], path
    yield from _probabilities(out / "probabilities", names)
    for path in sorted((out / "previews").glob("*")):
        yield PLAIN_NAMES["previews"], path
    folders = (out / "members").glob("member_*")
    for folder in sorted(folders, key=lambda one: int(one.name.removeprefix("member_"))):
        for path in sorted(folder.glob("*")):
            yield f"Mask of member {int(folder.name.removeprefix('member_')) + 1}", path
    for name in ("statistics.json", "run_report.json"):
        yield PLAIN_NAMES[name], out / name


def _probabilities(folder: Path, names: Sequence[str]) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        which = path.parent.name.partition("_")
        if path.parent == folder:
            title = "Probability"
        elif which[0] == "region":
            title = f"Probability of {_spoken(names[int(which[2]) - 1])}"
        else:
            number = int(which[2])
            title = f"Probability of {_spoken(names[number - 1]) if number else 'background'}"
        yield title, path


def _spoken(name: str) -> str:
    """A class's name as the page says it."""
    return name.replace("_", " ")


def _download(file_id: str, title: str, path: Path, folder: Path) -> Download:
    name = path.name
    if path.parent.name != "out" and path.suffix != ".json":
        parts = path.relative_to(folder / "out").parts[:-1]
        name = "_".join((*parts, path.name)) if parts else path.name
    return Download(file_id, title, name, str(path.relative_to(folder)), path.stat().st_size)
