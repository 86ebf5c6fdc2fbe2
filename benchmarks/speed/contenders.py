"""Everyone who takes part in the comparison, ours first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from speed.contender import Contender, Task
from speed.ours import Ours
from speed.theirs import Lucidrains, Monai

SMALL_V1 = "medsegdiff_v1 (small)"


def small_v1(task: Task, folder: Path) -> Contender:
    """The network of the first paper, trained and drawn as our recipe has it."""
    return Ours(task, folder, name=SMALL_V1, recipe="medsegdiff_v1")


CONTENDERS: dict[str, Callable[[Task, Path], Contender]] = {
    "medsegdiff": Ours,
    SMALL_V1: small_v1,
    Lucidrains.name: lambda task, _: Lucidrains(task),
    Monai.name: lambda task, _: Monai(task),
}
