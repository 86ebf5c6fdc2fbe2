"""Several processes that train one model: started by torchrun, a batch divided among them."""

from __future__ import annotations

import os

import torch
from torch import distributed, nn

from medsegdiff.errors import ConfigError


class Team:
    """The processes of one training; one process alone is a team of one.

    Every process draws the randomness of the whole batch and computes its own rows, and gradients
    are averaged, so that the losses are those of one process with the same batch.
    """

    def __init__(self, device: torch.device) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", "1"))  # torchrun speaks to us in this way only
        self.rank = int(os.environ.get("RANK", "0"))
        self.device = device
        self.is_own = self.size > 1 and not distributed.is_initialized()
        if self.is_own:
            distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")

    def leave(self) -> None:
        """End what the team began, when its work is done.

        A process that exits without it is now and then aborted by gloo's threads, which touch
        Python objects when the interpreter is gone already. Not for failures: the others may wait.
        """
        if self.is_own:
            distributed.destroy_process_group()

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def rows(self, batch_size: int) -> slice:
        """This process's part of a batch.

        Raises:
            ConfigError: the batch cannot be divided evenly.
        """
        if batch_size % self.size:
            raise ConfigError(
                f"train.batch_size={batch_size} cannot be divided among {self.size} processes. "
                f"Choose a multiple of {self.size}."
            )
        share = batch_size // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def average_gradients(self, module: nn.Module) -> None:
        """Replace each gradient by its mean over the processes."""
        if self.size == 1:
            return
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        for gradient, mean in zip(
            gradients, flat.split([g.numel() for g in gradients]), strict=True
        ):
            gradient.copy_(mean.view_as(gradient))

    def average(self, value: torch.Tensor) -> torch.Tensor:
        """Mean of a number over the processes."""
        if self.size > 1:
            distributed.all_reduce(value)
            value = value / self.size
        return value

    def agreed(self, value: int) -> int:
        """The first process's value, for what is decided once (steps, whether to stop)."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], device=self.device)
        distributed.broadcast(shared, src=0)
        return int(shared.item())

    def agreed_float(self, value: float) -> float:
        """As `agreed`, for a measured number."""
        if self.size == 1:
            return value
        shared = torch.tensor([value], dtype=torch.float64, device=self.device)
        distributed.broadcast(shared, src=0)
        return float(shared.item())
