"""Where weights lie: bundled, in a MODEL folder, in the folds of a RUN, or in a lone file."""

from __future__ import annotations

from pathlib import Path

from medsegdiff.errors import CheckpointError

BUNDLED = Path(__file__).parents[1] / "weights"
DEMONSTRATED = "skin-lesion"  # of pictures, which most people try first
WEIGHTS_FILE = "model.safetensors"
AVERAGED_FILE = "ema.safetensors"
STATE_FILE = "state.json"  # of a checkpoint: where the training stands
FINAL = "final"  # a fold's folder for its best weights, once the training has ended


def bundled_models() -> dict[str, Path]:
    """Models that come with the package, by name; the one of the demonstration first."""
    found = {path.parent.name: path.parent for path in sorted(BUNDLED.glob(f"*/{WEIGHTS_FILE}"))}
    return dict(sorted(found.items(), key=lambda item: item[0] != DEMONSTRATED))


def weights_files(where: str | Path) -> list[Path]:
    """Find the weights file of a model, or one for each fold of a run.

    Args:
        where: a bundled model's name, or where a model lies; a `Path` is never a name.

    Raises:
        CheckpointError: there is none, or a bundled model has the same name.
    """
    bundled = bundled_models()
    folder = bundled.get(where, Path(where)) if isinstance(where, str) else where
    if where in bundled and Path(where).is_dir():
        raise CheckpointError(
            f"{where} is a bundled model and a folder here. Write ./{where} for the folder, or "
            f"{folder} for the bundled one."
        )
    if folder.is_file():
        return [folder]
    for candidate in (folder / AVERAGED_FILE, folder / WEIGHTS_FILE):
        if candidate.is_file():
            return [candidate]
    best = [file for fold in (folder, *sorted(folder.glob("fold_*"))) if (file := best_file(fold))]
    if best:
        return best
    known = ", ".join(bundled) or "none"
    raise CheckpointError(
        f"There is no model at {where}. Give a bundled model's name ({known}), a model folder with "
        f"{WEIGHTS_FILE}, a run folder that has been validated at least once, or a .safetensors "
        "file."
    )


def best_file(fold: Path) -> Path | None:
    """The weights that a fold offers: those of its end, or the best so far; None before."""
    final = fold / FINAL / WEIGHTS_FILE
    if final.is_file():
        return final
    best = pointer(fold, "best")
    return fold / best / AVERAGED_FILE if best else None


def pointer(fold: Path, name: str) -> str | None:
    """What the small file `best` or `latest` in a fold's folder names; None if it is not there."""
    file = fold / name
    return file.read_text(encoding="utf-8").strip() if file.is_file() else None
