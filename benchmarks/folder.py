"""A folder of studies: how busy the network is, and how flat the memory stays.

    python benchmarks/folder.py IMAGES [--count 200] [--most 2000]
                                       [-o benchmarks/results/folder.json]

Prints Markdown tables and writes JSON, with machine and commit. IMAGES is a folder of pictures,
copied under other names until there are enough. With the bundled weights `skin-lesion` and their
own settings, and all maps and previews, two ways take turns, a block of images each: one study
after the other, and with readers and writers beside the network. `busy` is the time inside
`predict` as a share of the whole; `ratio` compares the seconds. Memory is that of a command with
one member and one step on small images, each process counted with its share of common pages
(Linux).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image
from result_file import made_with
from speed.tables import table

from medsegdiff.engine.folder_prediction import predict_folder
from medsegdiff.engine.outputs import Extras
from medsegdiff.engine.settings import with_predict
from medsegdiff.engine.weights import TrainedModel
from medsegdiff.engine.workers import NOBODY, Workers

BLOCKS = 4
SMALL = (64, 64)  # pixels of the images that memory is measured with
WAYS = {"one after the other": NOBODY, "side by side": Workers()}
EXTRAS = Extras(probabilities=True, uncertainty=True, previews=True)


def copied(images: Path, folder: Path, count: int, size: tuple[int, int] | None = None) -> Path:
    """Fill a folder with copies of some images, made small if a size is given."""
    folder.mkdir(parents=True)
    found = sorted(one for one in images.iterdir() if one.suffix in (".jpg", ".png"))
    for number in range(count):
        source = found[number % len(found)]
        copy = folder / f"study_{number:05d}{source.suffix}"
        if size is None:
            shutil.copy(source, copy)
        else:
            Image.open(source).resize(size).save(copy)
    return folder


def busy(images: Path, count: int, work: Path) -> dict[str, Any]:
    """Seconds of both ways, and the network's share of them."""
    model = TrainedModel.load("skin-lesion", "cpu")
    blocks = [copied(images, work / f"in_{one}", count // BLOCKS) for one in range(BLOCKS)]
    rows = {name: {"seconds": 0.0, "network": 0.0, "blocks": []} for name in WAYS}
    for number, block in enumerate(blocks):
        for name, workers in list(WAYS.items())[:: 1 if number % 2 else -1]:
            out = work / name / block.name
            started, network = time.perf_counter(), 0.0
            for result in predict_folder(block, out, model, extras=EXTRAS, workers=workers):
                assert result.prediction is not None, result.error
                network += float(str(result.prediction.provenance["seconds"]))
            seconds = time.perf_counter() - started
            rows[name]["seconds"] += seconds
            rows[name]["network"] += network
            rows[name]["blocks"].append(round(seconds, 2))
    first, second = (rows[name]["blocks"] for name in WAYS)
    return {
        "images": count,
        "rows": {
            name: {
                "seconds_an_image": row["seconds"] / count,
                "network_seconds_an_image": row["network"] / count,
                "busy": row["network"] / row["seconds"],
                "seconds_of_blocks": row["blocks"],
            }
            for name, row in rows.items()
        },
        "ratio": statistics.median(a / b for a, b in zip(first, second, strict=True)),
        "masks_are_equal": equal(*(work / name for name in WAYS)),
    }


def equal(one: Path, other: Path) -> bool:
    """Whether all pictures in two folders are the same, byte for byte."""
    files = sorted(file.relative_to(one) for file in one.rglob("*.png"))
    return bool(files) and all((one / f).read_bytes() == (other / f).read_bytes() for f in files)


def memory(images: Path, most: int, work: Path) -> list[dict[str, Any]]:
    """Memory of this process and of the readers after so many studies of one folder."""
    model = TrainedModel.load("skin-lesion", "cpu")
    config = with_predict(model.predict, members=1, steps=1)
    marks, rows = [mark for mark in (100, 200, 500, 1000, 2000) if mark <= most], []
    folder = copied(images, work / "small", most, SMALL)
    started = time.perf_counter()
    for result in predict_folder(folder, work / "small_out", model, config):
        if result.number in marks:
            seconds = time.perf_counter() - started
            own, readers = megabytes(os.getpid()), sum(map(megabytes, descendants(os.getpid())))
            row = {"studies": result.number, "mb": own, "readers_mb": readers, "seconds": seconds}
            rows.append(row)
    return rows


def megabytes(pid: int) -> float:
    """Resident memory of a process, pages that several share counted by share."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def descendants(pid: int) -> list[int]:
    """Processes that a process has started, and theirs."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    own = [int(one) for file in lists for one in file.read_text().split()]
    return own + [one for child in own for one in descendants(child)]


def page(figures: dict[str, Any]) -> str:
    """The tables as Markdown."""
    found, machine = figures["busy"], figures["machine"]
    head = (
        f"`{figures['command']}` at commit {figures['commit']}, on {machine['threads']} threads of "
        f"an {machine['processor']}; load of the machine {figures['load_before'][0]:.1f} before, "
        f"{figures['load_after'][0]:.1f} after. {found['images']} images with `skin-lesion`, its "
        "own settings, all maps and previews:"
    )
    ways = table(
        ["", "s an image", "of these in the network", "network busy"],
        [
            [
                name,
                f"{row['seconds_an_image']:.3f}",
                f"{row['network_seconds_an_image']:.3f}",
                f"{row['busy']:.1%}",
            ]
            for name, row in found["rows"].items()
        ],
    )
    same = "the same bytes" if found["masks_are_equal"] else "NOT the same bytes"
    middle = (
        f"The two took turns in {BLOCKS} blocks of images; the median ratio of their seconds is "
        f"{found['ratio']:.2f}. All masks, maps and previews are {same} both ways. Then a folder "
        f"of images of {SMALL[0]} × {SMALL[1]}, one member, one step:"
    )
    memory = table(
        ["studies done", "program, MB", "readers, MB", "s"],
        [
            [str(row["studies"]), *(f"{row[key]:.0f}" for key in ("mb", "readers_mb", "seconds"))]
            for row in figures["memory"]
        ],
    )
    return "\n\n".join([head, ways, middle, memory])


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--most", type=int, default=2000)
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        figures = {
            **made_with(" ".join(["python", "benchmarks/folder.py", "IMAGES", *sys.argv[2:]])),
            "load_before": os.getloadavg(),
            "busy": busy(arguments.images, arguments.count, work),
            "memory": memory(arguments.images, arguments.most, work),
            "load_after": os.getloadavg(),
        }
    print(page(figures))
    if arguments.output:
        arguments.output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
