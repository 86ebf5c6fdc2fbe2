"""Averaged weights: the ones that are validated, saved as best and shipped."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class AveragedWeights:
    """Exponential moving average of a module's weights, with a warm-up.

    The decay is min(decay, (1 + n) / (10 + n)) after n updates, so that the first, random weights
    are soon forgotten.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.weights: dict[str, Tensor] = {
            name: value.detach().clone() for name, value in module.state_dict().items()
        }

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move the average towards the module's weights."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        current = module.state_dict()
        average = get_ema_multi_avg_fn(decay)
        average(list(self.weights.values()), [current[name] for name in self.weights], None)
