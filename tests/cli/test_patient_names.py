"""A DICOM tree whose folders, files and headers name a patient: no command tells who it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from layout_trees import SERIES, structure_set
from official_trees import ct_series
from pydicom import dcmread

NAME, NUMBER = "DOE^JANE", "PAT-4711"
TELLING = re.compile(r"jane|\bdoe\b|doe\^|4711", re.IGNORECASE)
CODES = {  # that verify, plan, train, predict and convert end with
    "whole": (0, 0, 0, 0, 0),
    "without masks": (0, 4, 4, 0, 0),
    "damaged slice": (4, 0, 4, 3, 3),
    "damaged header": (4, 0, 0, 3, 3),
    "damaged segmentation": (4, 0, 4, 0, 3),
}


def named(path: Path) -> None:
    """Write the patient into a file's headers."""
    dataset = dcmread(path)
    dataset.PatientName, dataset.PatientID = NAME, NUMBER
    dataset.save_as(path)


def patient_tree(root: Path, kind: str) -> Path:
    """Two series in folders of their patient, a third of somebody else, and what befell them."""
    for number, place in enumerate((f"{NAME}/ct", f"{NAME}/{NAME}_2", "phantom")):
        ct_series(root / place, f"{SERIES}.{number}", slices=8)
    for number, place in enumerate((f"{NAME}/{NAME}.dcm", f"{NAME}/rt/2.dcm", "rt/3.dcm")):
        if kind != "without masks":
            structure_set(root / place, f"{SERIES}.{number}", "Liver")
    for path in (root / NAME).rglob("*.dcm"):
        named(path)
    slices = sorted((root / NAME / f"{NAME}_2").iterdir())
    slices[1] = slices[1].rename(slices[1].with_name(f"{NAME}_{NUMBER}.dcm"))
    bad = {"damaged slice": slices[1], "damaged header": slices[2]}
    bad["damaged segmentation"] = root / NAME / f"{NAME}.dcm"
    if kind in bad:
        content = bad[kind].read_bytes()
        bad[kind].write_bytes(content[: 300 if kind == "damaged header" else len(content) - 200])
    return root


def texts(folder: Path) -> str:
    """The names of all files in a folder, and what those of them say that hold text."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    told = [str(path.relative_to(folder)) for path in files]
    readable = [one for one in files if one.suffix in (".json", ".jsonl", ".md", ".txt", ".html")]
    return "\n".join(told + [path.read_text(encoding="utf-8") for path in readable])


def commands(tree: Path, made: Path, settings: tuple[str, ...]) -> list[tuple[object, ...]]:
    """What is typed after `medsegdiff`."""
    train = ("train", tree, "-o", made / "run", "--max-steps", 1, *settings)
    return [
        ("verify", tree, "--json", made / "verify.json"),
        ("plan", tree),
        (*train, "train.patch=[4,16,16]", "train.side=null"),
        ("predict", "-i", tree, "-o", made / "out", "-m", "hippocampus", "--members", 1),
        ("convert", tree, made / "copy", "--to", "nnunet"),
    ]


@pytest.mark.parametrize("kind", CODES)
def test_no_command_tells_the_patient(
    kind: str, medsegdiff, tiny_settings: tuple[str, ...], tmp_path: Path
):
    home = tmp_path / f"archive of {NAME}"
    tree, made = patient_tree(home / "tree", kind), tmp_path / "made"
    for words, code in zip(commands(tree, made, tiny_settings), CODES[kind], strict=True):
        answer = medsegdiff(*words)
        assert answer.code == code, (words, answer)
        assert "Traceback" not in answer.err
        assert not TELLING.search(answer.out + answer.err), (words, answer)
    assert not TELLING.search(texts(made))
    assert (made / "out" / "statistics.json").is_file()
