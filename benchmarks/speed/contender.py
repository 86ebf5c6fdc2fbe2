"""What is compared: a segmenter by diffusion that takes steps, predicts and trains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from speed.timing import Work

CHUNK = 8  # members that go through a network together


@dataclass(frozen=True)
class Task:
    """The same for all: one RGB image of a grid, one binary mask.

    Args:
        side: of the grid.
        batch: images in a training step.
        precision: "fp32" or "bf16".
        device: where all compute.
    """

    side: int
    batch: int
    precision: str
    device: torch.device

    def image(self, count: int = 1) -> torch.Tensor:
        """Images (B, 3, side, side) in 0 to 1."""
        return torch.rand(count, 3, self.side, self.side, device=self.device)

    def mask(self, count: int = 1) -> torch.Tensor:
        """Masks (B, 1, side, side), 0 and 1."""
        return (torch.rand(count, 1, self.side, self.side, device=self.device) > 0.5).float()

    def autocast(self) -> torch.autocast:
        """The context to compute in."""
        is_half = self.precision == "bf16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=is_half)


class Contender(Protocol):
    """One side of the comparison, built for a task.

    Args:
        name: in the tables.
        steps: that it takes by default for a mask.
        steps_in_a_row: training steps that are measured together, where they do not cost the same.
    """

    name: str
    steps: int
    steps_in_a_row: int

    @property
    def network(self) -> nn.Module:
        """What is counted."""
        ...

    def look(self) -> object:
        """What is done once for an image."""
        ...

    def step(self, members: int) -> object:
        """One sampling step of so many members of one image, without the look."""
        ...

    def train_steps(self) -> object:
        """So many steps of training, each on a batch, optimiser included."""
        ...


def prediction_seconds(look: float, chunks: Mapping[int, float], members: int, steps: int) -> float:
    """Seconds of all steps of all members: so many whole chunks, and a rest.

    Args:
        look: seconds for what is done once.
        chunks: seconds of a step, by the number of members in it; holds `CHUNK` and the rest.
        members: of the prediction.
        steps: of each.
    """
    whole, rest = divmod(members, CHUNK)
    return look + steps * (whole * chunks[CHUNK] + (chunks[rest] if rest else 0.0))


def parameters(network: nn.Module) -> int:
    """Weights of a network."""
    return sum(weight.numel() for weight in network.parameters())


@dataclass(frozen=True)
class Cost:
    """What a work needs of a processor.

    Args:
        gflop: billions of operations in convolutions and matrix products.
        moved_gb: billions of bytes that all else reads and writes, as if nothing was cached.
    """

    gflop: float
    moved_gb: float


def counted(work: Work) -> Cost:
    """Do a work and count."""
    with CountedOperations() as found:
        work()
    return Cost(found.total / 1e9, found.moved / 1e9)


class CountedOperations(TorchDispatchMode):
    """Adds up what torch says of each product and convolution, and the bytes that all else moves.

    Torch's own `FlopCounterMode` follows modules too, and fails where a step looks without
    gradients at what has some.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0
        self.moved = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        cost = flop_registry.get(func._overloadpacket)
        if cost is None:
            with self:  # in inference mode, operations made of others arrive whole
                found = func.decompose(*args, **kwargs)
            if found is NotImplemented:
                found = func(*args, **kwargs)
                parts = [] if func.is_view else tree_leaves((args, kwargs, found))
                self.moved += sum(one.nbytes for one in parts if isinstance(one, torch.Tensor))
            return found
        found = func(*args, **kwargs)
        self.total += cost(*args, **kwargs, out_val=found)
        return found
